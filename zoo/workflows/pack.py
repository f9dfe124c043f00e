"""`pack_scenes`: scenes as a packed folder for members and inputs."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from core.listener import SILENT, Listener
from zoo.data.origins import open_origins, url_of
from zoo.data.packing import Packed, pack
from zoo.inputs import content_for
from zoo.members import Recipe, load_members
from zoo.runtime.memory import keep_freed_memory


def pack_scenes(
    data: str | PathLike[str] | Sequence[str | PathLike[str]],
    out: str | PathLike[str],
    members: str | Recipe | Sequence[str | Recipe] = (),
    *,
    inputs: Sequence[str] = (),
    frames: Sequence[int] = (),
    own_members: Path | None = None,
    jobs: int | None = None,
    listener: Listener = SILENT,
) -> Packed:
    """Pack scenes into the folder `out`: what the members and the inputs need of bands and frames.

    data: directories, zip files, URLs. frames: further frames to keep, 1 to 8. What `out` already holds of them is
    reused. Raises as `pack`, `content_for` and `load_members` do.
    """
    keep_freed_memory()
    recipes = load_members(members, own_members)
    names = sorted({*inputs, *(recipe.input for recipe in recipes)})
    content = content_for(names, {*frames, *(frame for recipe in recipes for frame in recipe.frames)})
    several = [data] if isinstance(data, str | PathLike) else data
    paths = [Path(each) for each in several]
    places = [url_of(path) or str(path.resolve()) for path in paths]
    made_by = {"data": places, "input": names, "frames": content.frames}
    return pack(open_origins(paths), Path(out), content, made_by, jobs, listener)
