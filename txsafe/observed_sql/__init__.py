"""Server logs and pg_stat_statements come in, what really runs and keeps session state goes out, with its proof.

Read in this order: `prefix` (what stands before a message), `formats` and `scanning` (bytes to `Entry`s, in constant
memory), `normalise` (statements that differ only in values are one), `recognition` (what a statement uses),
`sessions` (state that was used across transactions), `matching` (which code issues it), `counters` for
pg_stat_statements, `evidence` (all of it together).
"""
