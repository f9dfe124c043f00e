"""`pack_scenes`: scenes as a packed folder for members and inputs."""

from collections.abc import Sequence
from pathlib import Path

from core.errors import UsageError
from core.listener import SILENT, Listener
from zoo.data.origins import open_origins, url_of
from zoo.data.packing import Packed, pack
from zoo.inputs import content_for
from zoo.members import load_members


def pack_scenes(
    data: Sequence[Path],
    out: Path,
    members: Sequence[str] = (),
    inputs: Sequence[str] = (),
    frames: str | None = None,
    *,
    own_members: Path | None = None,
    jobs: int | None = None,
    listener: Listener = SILENT,
) -> Packed:
    """Pack scenes into the folder `out`: what the members and the inputs need of bands and frames.

    data: directories, zip files, URLs. frames: further frames to keep, such as "4,6". Raises as `pack`, `content_for`
    and `load_members` do.
    """
    recipes = load_members(members, own_members)
    names = sorted({*inputs, *(recipe.input for recipe in recipes)})
    content = content_for(names, {*_numbers(frames), *(frame for recipe in recipes for frame in recipe.frames)})
    places = [url_of(path) or str(path.resolve()) for path in data]
    made_by = {"data": places, "input": names, "frames": content.frames}
    return pack(open_origins(data), out, content, made_by, jobs, listener)


def _numbers(frames: str | None) -> list[int]:
    parts = frames.split(",") if frames else []
    if not all(part.strip().isdigit() for part in parts):
        raise UsageError(f"--frames {frames}: give numbers from 1 to 8, as 4,5,6")
    return [int(part) for part in parts]
