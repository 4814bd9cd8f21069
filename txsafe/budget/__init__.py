"""Pool sizes, processes, a pooler's and a server's limits come in; the arithmetic of connections goes out.

Read in this order: `figures` (numbers with their sources), `pools` (what code opens), `expressions` (what a number in
code says), `commands` and `deployment` (how many processes run it), `limits` (what pooler and server allow),
`arithmetic` (all of it together).
"""
