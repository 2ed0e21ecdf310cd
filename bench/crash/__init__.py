"""Kill autodj's processes at every step, and prove that nothing acknowledged is lost.

``python -m bench.crash --kills 500 --mutants`` runs a web process that ingests, a worker that
reconciles and moves tracks, and a reader that opens every track all the time; the first two are
killed with SIGKILL at numbered steps and at random times, or stopped and woken late. Then what
is left is recovered, swept and checked against the history of what was acknowledged.

The mutants are the same program with one rule broken. A run that does not turn red for each of
them proves nothing.

Everything below ``autodj.tracks`` is the product's own code: ingest, steps, database, local
store, and S3 with ``--s3 real`` (otherwise a second directory stands in for the bucket, behind
the same port). Only decoding is left out: starting a decoder costs more than a whole life of a
process here, and the loop is about bytes and rows. ``--database postgres`` keeps the rows in a
PostgreSQL that is started for it.
"""
