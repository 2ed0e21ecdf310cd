"""Every setting that autodj reads, once: names, default, kind and one line of meaning.

``env.example`` and ``docs/configuration.md`` are checked against this table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from autodj.settings import parsers


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable; ``aliases`` are other names that mean the same."""

    name: str
    about: str
    default: str = ""
    parse: Callable[[str], object] = str
    aliases: tuple[str, ...] = ()
    secret: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    settings: tuple[Setting, ...]


CATALOGUE: tuple[Section, ...] = (
    Section(
        "The process",
        (
            Setting(
                "AUTODJ_ENV",
                "development or production; production insists on https, S3 and a strong secret",
                "development",
                parsers.one_of("development", "production"),
            ),
            Setting(
                "AUTODJ_SECRET",
                "signs tokens, sessions and local links; at least 32 random bytes "
                "(`autodj secret` prints one)",
                parse=parsers.secret,
                secret=True,
            ),
            Setting(
                "AUTODJ_PUBLIC_URL",
                "where browsers reach this server",
                "http://127.0.0.1:8000",
                parsers.http_url,
            ),
            Setting(
                "AUTODJ_DATA_DIR",
                "absolute folder for the database, local files and logs",
                "~/.local/share/autodj",
                parsers.absolute_path,
            ),
            Setting(
                "LOG_LEVEL",
                "debug, info, warning or error",
                "info",
                parsers.one_of("debug", "info", "warning", "error"),
            ),
            Setting(
                "LOG_FORMAT",
                "json for machines, text for people",
                "json",
                parsers.one_of("json", "text"),
            ),
        ),
    ),
    Section(
        "Database and queue",
        (
            Setting(
                "DATABASE_URL",
                "sqlite:///file or postgresql://...; empty: autodj.db in the data folder",
                parse=parsers.optional(parsers.database_url),
            ),
            Setting("REDIS_URL", "the broker of the workers", "redis://127.0.0.1:6379/0"),
            Setting(
                "QUEUE_NAME",
                "the workers' queue in that broker",
                "autodj",
                parsers.matching(r"[a-z0-9:_-]{1,64}", "1 to 64 of a-z 0-9 : _ -"),
            ),
        ),
    ),
    Section(
        "Where files live",
        (
            Setting(
                "FILE_STORAGE_TYPE",
                "local or s3: where tracks are published to; "
                "empty: local in development, s3 in production",
                parse=parsers.one_of("", "local", "s3"),
            ),
            Setting(
                "STORAGE_CONFIG",
                "absolute path of a YAML file with baskets (docs/storage.md); what it says goes "
                "over these settings",
                parse=parsers.optional(parsers.absolute_path),
            ),
            Setting(
                "MEDIA_ROOT",
                "absolute folder of the local store; empty: media in the data folder",
                parse=parsers.optional(parsers.absolute_path),
            ),
            Setting(
                "LOCAL_RETENTION",
                "the local copy of a published track: delete (after the grace), keep, "
                "or a number of days such as 30d",
                "delete",
                parsers.retention,
            ),
            Setting(
                "CLEAN_GRACE_S",
                "seconds the old copy stays readable after a track moved; in production at least "
                "LINK_WINDOW_S + LINK_TTL_S + MAX_TRACK_DURATION_S + 300, the longest life of "
                "a link",
                "18000",
                parsers.whole(0, 30 * 86400),
            ),
        ),
    ),
    Section(
        "S3",
        (
            Setting(
                "S3_BUCKET_NAME",
                "the bucket",
                parse=parsers.optional(parsers.bucket_name),
                aliases=("AWS_STORAGE_BUCKET_NAME",),
            ),
            Setting(
                "AWS_REGION",
                "the bucket's region",
                "us-east-1",
                parsers.matching(r"[a-z]{2,}(-[a-z0-9]+)*", "a region such as eu-central-1"),
                aliases=("S3_REGION", "AWS_S3_REGION_NAME", "AWS_DEFAULT_REGION"),
            ),
            Setting("AWS_ACCESS_KEY_ID", "static credentials; empty: the AWS chain", secret=True),
            Setting("AWS_SECRET_ACCESS_KEY", "static credentials", secret=True),
            Setting("AWS_SESSION_TOKEN", "for temporary credentials", secret=True),
            Setting(
                "AWS_PROFILE",
                "profile in the AWS files of the user to take credentials from; without static "
                "credentials and empty: the default profile, then the machine's role",
                parse=parsers.optional(parsers.matching(r"[^\s\[\]]{1,64}", "a profile's name")),
            ),
            Setting(
                "AWS_ROLE_ARN",
                "role to assume with the credentials found otherwise",
                parse=parsers.optional(
                    parsers.matching(
                        r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,512}",
                        "an ARN such as arn:aws:iam::123456789012:role/autodj",
                    )
                ),
            ),
            Setting(
                "AWS_ROLE_SESSION_NAME",
                "what the sessions of that role are called in the account's logs",
                "autodj",
                parsers.matching(r"[\w+=,.@-]{2,64}", "2 to 64 letters, digits and + = , . @ -"),
            ),
            Setting(
                "AWS_ROLE_EXTERNAL_ID",
                "the external id that the role's trust policy asks for, if it does",
                parse=parsers.optional(
                    parsers.matching(r"[\w+=,.@:/-]{2,1224}", "letters, digits and + = , . @ : / -")
                ),
                secret=True,
            ),
            Setting(
                "AWS_ENDPOINT_URL_STS",
                "where roles are assumed, instead of AWS",
                parse=parsers.optional(parsers.http_url),
            ),
            Setting(
                "S3_USE_IAM_ROLE",
                "true: ignore the static credentials and use the machine's role",
                "false",
                parsers.boolean,
            ),
            Setting(
                "S3_ENDPOINT_URL",
                "an S3-compatible server instead of AWS",
                parse=parsers.optional(parsers.http_url),
            ),
            Setting(
                "S3_PREFIX",
                "put before every object key",
                parse=parsers.optional(
                    parsers.matching(r"[a-z0-9._-]+(/[a-z0-9._-]+)*/?", "a-z 0-9 . _ - and /")
                ),
            ),
            Setting(
                "S3_EXPECTED_BUCKET_OWNER",
                "the AWS account that must own the bucket; every call is refused otherwise",
                parse=parsers.optional(parsers.matching(r"[0-9]{12}", "an account of 12 digits")),
            ),
            Setting(
                "S3_SSE",
                "server-side encryption: AES256, aws:kms, SSE-C (a key of yours) or none",
                "AES256",
                parsers.one_of("AES256", "aws:kms", "SSE-C", "none"),
            ),
            Setting(
                "S3_SSE_KMS_KEY_ID",
                "the key of KMS for aws:kms: id, alias or ARN",
                parse=parsers.optional(
                    parsers.matching(r"[A-Za-z0-9:/_-]{1,2048}", "a key id, alias or ARN")
                ),
            ),
            Setting(
                "S3_SSE_CUSTOMER_KEY",
                "your key for SSE-C: 32 bytes in base64; S3 keeps no copy of it",
                parse=parsers.optional(parsers.key_of_32_bytes),
                secret=True,
            ),
            Setting(
                "S3_STORAGE_CLASS",
                "the class new objects are stored in",
                "STANDARD",
                parsers.one_of(
                    "STANDARD",
                    "STANDARD_IA",
                    "ONEZONE_IA",
                    "INTELLIGENT_TIERING",
                    "GLACIER_IR",
                    "GLACIER",
                    "DEEP_ARCHIVE",
                ),
            ),
            Setting(
                "S3_PATH_STYLE",
                "true: bucket in the path, as most S3-compatible servers want",
                "false",
                parsers.boolean,
            ),
            Setting(
                "S3_MAX_CONNECTIONS",
                "open connections to the store for each process",
                "32",
                parsers.whole(1, 1000),
            ),
            Setting(
                "S3_CONNECT_TIMEOUT_S",
                "seconds a connection to the store may take",
                "3",
                parsers.decimal(0.1, 60),
            ),
            Setting(
                "S3_READ_TIMEOUT_S",
                "seconds the store may be silent",
                "10",
                parsers.decimal(0.1, 300),
            ),
            Setting(
                "S3_MAX_RETRIES",
                "how often a request is sent again after a fault that may pass; refusals never are",
                "3",
                parsers.whole(0, 10),
            ),
            Setting(
                "S3_RETRY_DELAY_S",
                "seconds before the first repetition (spread by chance); each one after it waits "
                "twice as long, up to 20",
                "1.0",
                parsers.decimal(0, 20),
            ),
            Setting(
                "S3_MULTIPART_THRESHOLD_BYTES",
                "objects of this size and more are sent in parts, side by side",
                str(5 * 1024**2),
                parsers.whole(5 * 1024**2, 5 * 1024**3),
            ),
        ),
    ),
    Section(
        "CloudFront",
        (
            Setting(
                "CLOUDFRONT_DOMAIN",
                "the distribution, such as d111111abcdef8.cloudfront.net; "
                "empty: browsers get links signed by S3",
                parse=parsers.optional(parsers.cdn_origin),
            ),
            Setting(
                "CLOUDFRONT_KEY_PAIR_ID",
                "public key id of the key group; empty: links are not signed",
                parse=parsers.optional(
                    parsers.matching(r"[A-Z0-9]{8,32}", "an id such as K2JCJMDEHXQW5F")
                ),
            ),
            Setting(
                "CLOUDFRONT_PRIVATE_KEY",
                "PEM text, or the absolute path of a PEM file (RSA 2048 or ECDSA P-256)",
                parse=parsers.optional(parsers.pem),
                secret=True,
            ),
            Setting(
                "CLOUDFRONT_SECOND_KEY_PAIR_ID",
                "another live key of the key group while keys rotate: it signs nothing, and its "
                "links stay good",
                parse=parsers.optional(
                    parsers.matching(r"[A-Z0-9]{8,32}", "an id such as K2JCJMDEHXQW5F")
                ),
            ),
            Setting(
                "CLOUDFRONT_SECOND_PRIVATE_KEY",
                "its PEM, as text or as the absolute path of a file",
                parse=parsers.optional(parsers.pem),
                secret=True,
            ),
            Setting(
                "CLOUDFRONT_HASH",
                "hash of the signatures: SHA256 or SHA1",
                "SHA256",
                parsers.one_of("SHA256", "SHA1"),
            ),
            Setting(
                "LINK_TTL_S",
                "seconds a link lives, on top of the track's own length",
                "3600",
                parsers.whole(60, 7 * 86400),
            ),
            Setting(
                "LINK_WINDOW_S",
                "seconds for which everybody is given the same link to a track, so that caches "
                "know it again",
                "300",
                parsers.whole(1, 86400),
            ),
            Setting(
                "CLOUDFRONT_PUBLIC_LINKS",
                "true: public tracks are copied below public/ and have links without signature; "
                "needs a behaviour for that path without a key group, as `autodj cdn template` "
                "makes it",
                "false",
                parsers.boolean,
            ),
            Setting(
                "CLOUDFRONT_DISTRIBUTION_ID",
                "the distribution's id, such as E2QWRUHAPOMQZL: public copies that are taken "
                "back are then dropped from its caches as well",
                parse=parsers.optional(
                    parsers.matching(r"E[A-Z0-9]{9,20}", "an id such as E2QWRUHAPOMQZL")
                ),
            ),
            Setting(
                "CLOUDFRONT_API_URL",
                "where caches are told to drop objects, for a stand-in such as `autodj edge "
                "--control-port`; empty: AWS",
                parse=parsers.optional(parsers.http_url),
            ),
        ),
    ),
    Section(
        "Limits",
        (
            Setting(
                "MAX_TRACK_BYTES",
                "largest audio file, in bytes",
                str(200 * 1024 * 1024),
                parsers.whole(1024, 5 * 1024**3),
            ),
            Setting(
                "MAX_TRACK_DURATION_S",
                "longest audio file, in seconds",
                "10800",
                parsers.whole(1, 86400),
            ),
            Setting(
                "MAX_FILE_SIZE",
                "largest file of other kinds (photos, documents), in bytes",
                "10485760",
                parsers.whole(1024, 5 * 1024**3),
            ),
            Setting(
                "AWS_S3_PROJECT_PREFIX",
                "object key prefix of project documents",
                "projects",
                parsers.matching(r"[a-z0-9._-]+(/[a-z0-9._-]+)*/?", "a-z 0-9 . _ - and /"),
            ),
            Setting(
                "FETCH_TOTAL_S",
                "seconds a URL may take to fetch",
                "60",
                parsers.whole(1, 3600),
            ),
            Setting(
                "FETCH_ALLOW_PRIVATE",
                "true: URLs may name private addresses and any port (development only)",
                "false",
                parsers.boolean,
            ),
            Setting(
                "MAX_LOCAL_SENDERS",
                "local files sent at the same time; more are told to come back",
                "256",
                parsers.whole(1, 10000),
            ),
            Setting(
                "LOCAL_ACCEL_PREFIX",
                "nginx sends local files: its internal location that leads to the media folder, "
                "such as /_media/; empty: autodj sends them",
                parse=parsers.optional(
                    parsers.matching(r"/([A-Za-z0-9._-]+/)+", "a path such as /_media/")
                ),
            ),
            Setting(
                "MAX_CONNECTIONS",
                "connections open at the same time; more are answered 503",
                "2000",
                parsers.whole(10, 100000),
            ),
            Setting(
                "BODY_TOTAL_S",
                "seconds one upload may take, however large",
                "900",
                parsers.whole(10, 86400),
            ),
        ),
    ),
    Section(
        "Renditions",
        (
            Setting(
                "RENDITIONS",
                "auto: made of what browsers do not play well as it is; always: of everything "
                "above the bit rate as well; never",
                "auto",
                parsers.one_of("auto", "always", "never"),
            ),
            Setting(
                "RENDITION_FORMAT",
                "what is coded for playback and previews: aac (in M4A) or mp3",
                "aac",
                parsers.one_of("aac", "mp3"),
            ),
            Setting(
                "RENDITION_BITRATE_BPS",
                "bits a second of what is coded for playback, in stereo; mono gets half",
                "256000",
                parsers.whole(32_000, 320_000),
            ),
            Setting(
                "RENDITION_LOSSLESS",
                "true: lossless originals that are not FLAC are kept as FLAC beside",
                "true",
                parsers.boolean,
            ),
            Setting(
                "PREVIEW_S",
                "seconds of a preview; 0 makes none",
                "30",
                parsers.whole(0, 300),
            ),
            Setting(
                "PREVIEW_BITRATE_BPS",
                "bits a second of a preview, in stereo",
                "128000",
                parsers.whole(32_000, 320_000),
            ),
            Setting(
                "RENDER_TIMEOUT_S",
                "seconds one rendition may take before its sandbox is killed",
                "1800",
                parsers.whole(5, 6 * 3600),
            ),
        ),
    ),
    Section(
        "Workers",
        (
            Setting(
                "WORKER_JOBS",
                "jobs at a time in each worker; analysis wants a core each",
                "2",
                parsers.whole(1, 64),
            ),
            Setting(
                "REANALYSIS_AT_ONCE",
                "tracks of a library that are measured anew at a time, by all workers together",
                "1",
                parsers.whole(1, 64),
            ),
            Setting(
                "ANALYSIS_TIMEOUT_S",
                "seconds one analysis may take before its sandbox is killed",
                "300",
                parsers.whole(5, 3600),
            ),
            Setting(
                "JOB_TIMEOUT_S",
                "seconds one job may take; also how long a dead worker's job waits",
                "330",
                parsers.whole(5, 3600),
            ),
        ),
    ),
)

SETTINGS: tuple[Setting, ...] = tuple(s for section in CATALOGUE for s in section.settings)
