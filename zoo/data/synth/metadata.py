"""Metadata of synthetic scenes: the official fields of place and time, with plausible values."""

import numpy as np

from zoo.data.records import SPLITS
from zoo.data.synth.scene import ScenePlan

YEAR = 1554336000, 1585872000  # 2019-04-04 to 2020-04-03, seconds since 1970 UTC
WKT = (
    'PROJCS["unknown",GEOGCS["unknown",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,'
    'AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],'
    'UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]]],PROJECTION["Transverse_Mercator"],'
    'PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",{meridian}],'
    'PARAMETER["scale_factor",0.9996],PARAMETER["false_easting",500000],PARAMETER["false_northing",0],'
    'UNIT["metre",1,AUTHORITY["EPSG","9001"]],AXIS["Easting",EAST],AXIS["Northing",NORTH]]'
)


def metadata_entry(record_id: str, plan: ScenePlan) -> dict[str, object]:
    """Metadata entry of a record: place on a fixed grid, time on a full third of an hour."""
    rng = np.random.default_rng([plan.seed, SPLITS.index(plan.split), plan.index, 1])
    place = int(rng.integers(250))
    here = np.random.default_rng([2019, place])
    meridian = -63 - 6 * int(here.integers(0, 6))
    size = here.uniform(1930, 2030), here.uniform(1890, 1990)
    third = int(rng.integers(0, (YEAR[1] - YEAR[0]) // 1200))
    return {
        "record_id": record_id,
        "projection_wkt": WKT.format(meridian=meridian),
        "row_min": float(round(here.uniform(2.2e6, 5.2e6), 2)),
        "row_size": -float(round(size[0], 6)),
        "col_min": float(round(here.uniform(1e5, 6e5), 2)),
        "col_size": float(round(size[1], 6)),
        "timestamp": float(YEAR[0] + 1200 * third),
    }
