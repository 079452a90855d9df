"""Lets ``python -m bench`` run it; the processes it starts import this module too, and need no more of it."""

if __name__ == "__main__":
    from bench.command import main

    main(prog_name="python -m bench")
