"""Our rows against the yardsticks, interleaved in one run, and what a consumption leaves on disk.

A rate that is published is a ratio to something done by the same server in the same run, so that it says the
same on every machine. The yardsticks are not part of the project: ``--yardsticks`` names their folder.

* ``command``: the command line; ``plan``: which rows there are; ``running``: one after the other
* ``world``: the server, its databases, and the programs that drive them
* ``pairs``: rates, A B A B; ``lanes``: those of single items; ``http``: those over GraphQL
* ``growth``, ``history``: what an item costs while something grows; ``storage``: bytes, HOT updates, log
* ``shapes``: what depth and axes cost; ``tree``: a page of budgets; ``moving``, ``importing``: large trees
* ``suspension``: what still passes a suspension that another process has made
* ``openloop``, ``fairness``: latencies from when an item was due
* ``deciding``, ``load``, ``drivers``: processes like those of the API, under load
* ``delay``: a database farther away
* ``figure``: one figure and its curve; ``report``, ``plot``: table, JSON and picture
* ``*.sql``, ``*.pgbench``, ``*.json``, ``post.lua``: the world of our rows, and what each of them sends
"""
