"""Lets ``python -m bench`` run it."""

from bench.command import main

if __name__ == "__main__":
    main(prog_name="python -m bench")
