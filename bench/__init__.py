"""Our rows against the yardsticks, interleaved in one run, and what a consumption leaves on disk.

A rate that is published is a ratio to something done by the same server in the same run, so that it says the
same on every machine. The yardsticks are not part of the project: ``--yardsticks`` names their folder.

* ``command``: the command line
* ``plan``: which rows there are
* ``world``: the server, its databases, and the programs that drive them
* ``pairs``: rates, A B A B; ``history``: what a long history costs; ``storage``: bytes, HOT updates, log
* ``report``: one figure, the table and the JSON
* ``*.sql`` and ``*.pgbench``: the world of our rows, and what each of them sends
"""
