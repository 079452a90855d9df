"""Lets ``python -m controlplane`` do what the console script does."""

from controlplane.cli import main

if __name__ == "__main__":
    main()
