"""Read time and place of scenes from the competition's {split}_metadata.json.

An invalid entry is a fault of its record alone; the others are used.
The projection is a transverse Mercator on an ellipsoid; its inverse is the usual series (Snyder, Map
Projections: A Working Manual, 1987, equations 8-17 to 8-25), good to metres over the width of a scene.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.files import read_json
from zoo.data.records import SIZE, Fault, Grid, Metadata

TIMES = (946_684_800.0, 4_102_444_800.0)  # 2000 to 2099: milliseconds, minutes and days since 1970 lie outside
NUMBER = r"\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*"


def read_metadata(path: Path) -> tuple[dict[str, Metadata], tuple[Fault, ...]]:
    """Read the valid metadata by record id, and a fault for each invalid entry.

    UserError if the file is not a list of objects.
    """
    entries = read_json(path, finite=False)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UserError(f"{path}: is not a list of objects; fetch this file again")
    found: dict[str, Metadata] = {}
    faults: dict[str, Fault] = {}
    for number, entry in enumerate(entries):
        name = str(entry.get("record_id", ""))
        try:
            metadata = _read_entry(entry)
            if found.setdefault(name, metadata) != metadata:
                raise ValueError("another entry of this record differs")
        except (ArithmeticError, KeyError, TypeError, ValueError) as error:
            reason = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            faults[name] = Fault(name, path, f"entry {number} cannot be used: {reason}", "correct the entry")
    return {name: metadata for name, metadata in found.items() if name not in faults}, tuple(faults.values())


def _read_entry(entry: Mapping[str, Any]) -> Metadata:
    if isinstance(entry["record_id"], float):
        raise ValueError("the id went through a float and lost digits; write ids as text")
    time = float(entry["timestamp"])
    if not TIMES[0] <= time < TIMES[1]:
        raise ValueError(f"timestamp {time:.15g} is not in seconds since 1970, of the years 2000 to 2099")
    grid = _grid(entry)
    return Metadata(time, _centre(grid), grid)


def _grid(entry: Mapping[str, Any]) -> Grid:
    numbers = {key: float(entry[key]) for key in ("row_min", "row_size", "col_min", "col_size")}
    for key, number in numbers.items():
        if not math.isfinite(number) or (key.endswith("size") and not number):
            raise ValueError(f"{key} is {number}")
    return Grid(wkt=str(entry["projection_wkt"]), **numbers)


def _centre(grid: Grid) -> tuple[float, float] | None:
    """Degrees north and east of the scene's centre; None for a projection of another kind."""
    projection = parse_projection(grid.wkt)
    east = grid.col_min + SIZE / 2 * grid.col_size
    north = grid.row_min + SIZE / 2 * grid.row_size
    if projection is None:
        return None
    centre = projection.inverse(east, north)
    if not (math.isfinite(centre[1]) and abs(centre[0]) <= 90):
        raise ValueError("the scene's centre is not on the earth")
    return centre


@dataclass(frozen=True)
class TransverseMercator:
    """A transverse Mercator projection; lengths in metres, angles in degrees."""

    axis: float
    flattening: float
    latitude: float
    meridian: float
    scale: float
    false_east: float
    false_north: float

    def inverse(self, east: float, north: float) -> tuple[float, float]:
        """Degrees north and east of a point given in metres."""
        e2 = self.flattening * (2 - self.flattening)
        ep2 = e2 / (1 - e2)
        arc = self._arc(math.radians(self.latitude)) + (north - self.false_north) / self.scale
        foot = self._foot(arc)
        sine, cosine, tangent = math.sin(foot), math.cos(foot), math.tan(foot)
        C, T = ep2 * cosine**2, tangent**2
        N = self.axis / math.sqrt(1 - e2 * sine**2)
        R = self.axis * (1 - e2) / (1 - e2 * sine**2) ** 1.5
        D = (east - self.false_east) / (N * self.scale)
        fourth = (5 + 3 * T + 10 * C - 4 * C**2 - 9 * ep2) * D**4 / 24
        sixth = (61 + 90 * T + 298 * C + 45 * T**2 - 252 * ep2 - 3 * C**2) * D**6 / 720
        phi = foot - N * tangent / R * (D**2 / 2 - fourth + sixth)
        fifth = (5 - 2 * C + 28 * T - 3 * C**2 + 8 * ep2 + 24 * T**2) * D**5 / 120
        turn = (D - (1 + 2 * T + C) * D**3 / 6 + fifth) / cosine
        return math.degrees(phi), (self.meridian + math.degrees(turn) + 180) % 360 - 180

    def _arc(self, phi: float) -> float:
        """Metres along the meridian from the equator to latitude `phi`, radians."""
        e2 = self.flattening * (2 - self.flattening)
        e4, e6 = e2**2, e2**3
        return self.axis * (
            (1 - e2 / 4 - 3 * e4 / 64 - 5 * e6 / 256) * phi
            - (3 * e2 / 8 + 3 * e4 / 32 + 45 * e6 / 1024) * math.sin(2 * phi)
            + (15 * e4 / 256 + 45 * e6 / 1024) * math.sin(4 * phi)
            - 35 * e6 / 3072 * math.sin(6 * phi)
        )

    def _foot(self, arc: float) -> float:
        """Latitude, radians, whose meridian arc is `arc` metres."""
        e2 = self.flattening * (2 - self.flattening)
        mu = arc / (self.axis * (1 - e2 / 4 - 3 * e2**2 / 64 - 5 * e2**3 / 256))
        e1 = (1 - math.sqrt(1 - e2)) / (1 + math.sqrt(1 - e2))
        return (
            mu
            + (3 * e1 / 2 - 27 * e1**3 / 32) * math.sin(2 * mu)
            + (21 * e1**2 / 16 - 55 * e1**4 / 32) * math.sin(4 * mu)
            + 151 * e1**3 / 96 * math.sin(6 * mu)
            + 1097 * e1**4 / 512 * math.sin(8 * mu)
        )


def parse_projection(wkt: str) -> TransverseMercator | None:
    """Parse the projection of a WKT 1 string; None if it is no transverse Mercator in metres."""
    spheroid = re.search(rf'SPHEROID\["[^"]*",{NUMBER},{NUMBER}', wkt)
    metres = re.search(r'\]\s*,\s*UNIT\["met(?:re|er)",\s*1(?:\.0*)?\s*[,\]]', wkt)
    if 'PROJECTION["Transverse_Mercator"' not in wkt or not spheroid or not metres:
        return None
    found = dict(re.findall(rf'PARAMETER\["(\w+)",{NUMBER}\]', wkt))
    inverse_flattening = float(spheroid[2])
    return TransverseMercator(
        axis=float(spheroid[1]),
        flattening=1 / inverse_flattening if inverse_flattening else 0.0,
        latitude=float(found.get("latitude_of_origin", 0)),
        meridian=float(found["central_meridian"]),
        scale=float(found.get("scale_factor", 1)),
        false_east=float(found.get("false_easting", 0)),
        false_north=float(found.get("false_northing", 0)),
    )
