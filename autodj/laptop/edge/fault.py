"""Ways in which a distribution can be set up wrongly, one switch for each, for tests: what finds
such faults in a real set-up is proven with them.
"""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """What a distribution may get wrong."""

    REFUSES_SIGNED = "refuses-signed"
    ACCEPTS_UNSIGNED = "accepts-unsigned"
    ACCEPTS_TAMPERED = "accepts-tampered"
    ACCEPTS_UNKNOWN_KEY = "accepts-unknown-key"
    EXPIRED_OK = "expired-ok"
    DROPS_COOKIES = "drops-cookies"
    NO_CORS = "no-cors"
    NO_CORS_ON_ERRORS = "no-cors-on-errors"
    NO_EXPOSE = "no-expose"
    NO_CORP = "no-corp"
    NO_PREFLIGHT = "no-preflight"
    NO_RANGE = "no-range"
    WRONG_RANGE = "wrong-range"
    NO_SUFFIX = "no-suffix"
    NO_416 = "no-416"
    NO_304 = "no-304"
    WRONG_BYTES = "wrong-bytes"
    WRONG_TYPE = "wrong-type"
    NO_ETAG = "no-etag"
    WEAK_ETAG = "weak-etag"
    MISSING_IS_200 = "missing-is-200"
    NO_CACHE_CONTROL = "no-cache-control"
    NEVER_CACHES = "never-caches"
    SIGNATURE_IN_KEY = "signature-in-key"
    WRONG_CLOCK = "wrong-clock"
    SLOW = "slow"
    SERVES_HTTP = "serves-http"
