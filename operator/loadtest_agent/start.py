"""What a load pod runs: `python3 <agent dir>/start.py --config <file> --role master|worker`."""

import os
import sys

if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - nothing to import for a path
    sys.path[:] = [here, *(entry for entry in sys.path if entry != here)]
    from loadtest_agent.main import main

    # Beside us lies only our own package, which is found by now; the user's modules shall not meet it.
    sys.path.remove(here)
    main()
