"""What is wrong with a request, whatever it carries."""

from __future__ import annotations

from autodj.errors.base import AutodjError
from autodj.errors.content import Rejected


class InvalidRequest(AutodjError):
    status = 400
    code = "invalid_request"
    title = "The request is malformed"
    hint = "Compare the request with the API reference at /docs."


class InvalidJson(InvalidRequest):
    code = "invalid_json"
    title = "The body is not the JSON that this route reads"
    hint = "Send one JSON object in UTF-8, without duplicate keys, NaN or Infinity."


class InvalidField(InvalidRequest):
    """A well-formed request with a value that may not be; ``errors`` lists each one."""

    status = 422
    code = "invalid_field"
    title = "A value in the request is not allowed"
    hint = "Correct the values listed under errors."


class NotFound(AutodjError):
    status = 404
    code = "not_found"
    title = "There is nothing here for you"
    hint = "Check the address; a thing that belongs to somebody else looks the same as none."


class MethodNotAllowed(AutodjError):
    status = 405
    code = "method_not_allowed"
    title = "This address does not take that method"
    hint = "The Allow header lists the methods it takes."


class RequestTimeout(AutodjError):
    status = 408
    code = "request_timeout"
    title = "The request took too long to arrive"
    hint = "Send it again, on a line that brings at least 8 KiB a second."


class Conflict(AutodjError):
    status = 409
    code = "conflict"
    title = "The request collides with what is stored"
    hint = "Read the present state, then decide again."


class Cancelled(Conflict):
    code = "cancelled"
    title = "The job was cancelled"
    hint = "Ask for it again if you want it after all."


class StillRunning(Conflict):
    code = "still_running"
    title = "A request with this Idempotency-Key is still running"
    hint = "Send it again in a few seconds, with the same key."


class PreconditionFailed(AutodjError):
    status = 412
    code = "precondition_failed"
    title = "The stored version is not the one the request names"
    hint = "Read the present version and repeat the change on it."


class RangeNotSatisfiable(AutodjError):
    status = 416
    code = "range_not_satisfiable"
    title = "The file has no such bytes"
    hint = "Content-Range says how long it is."


class KeyReused(Rejected):
    code = "idempotency_key_reused"
    title = "This Idempotency-Key was used for another request"
    hint = "Use a new key for a new request."


class TooManyRequests(AutodjError):
    status = 429
    code = "too_many_requests"
    title = "Too much at once"
    hint = "Wait for the seconds in Retry-After."
    transient = True
