"""The flows of the heart: fetch, ingest, analyse, publish, deliver, reconcile."""
