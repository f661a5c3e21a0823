"""``python -m vidstyle``."""

from vidstyle.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
