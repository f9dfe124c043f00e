"""`python -m cli`."""

import sys

if __name__ == "__main__":
    # `-m` searches the working directory first: a core/ or zoo/ of the user's own there would hide the suite's. Worker
    # processes take over the path as it is now.
    if not sys.flags.safe_path and sys.path[0] != __file__.removesuffix("/cli/__main__.py"):
        del sys.path[0]

    from cli.app import main

    main()
