"""``python -m vidstyle``."""

from vidstyle.apps.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
