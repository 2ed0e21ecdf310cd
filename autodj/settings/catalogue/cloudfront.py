"""The distribution in front of the bucket, and the links that lead to it."""

from __future__ import annotations

from autodj.settings import addresses, parsers
from autodj.settings.catalogue.setting import Section, Setting

CLOUDFRONT = Section(
    "CloudFront",
    (
        Setting(
            "CLOUDFRONT_DOMAIN",
            "the distribution, such as d111111abcdef8.cloudfront.net; "
            "empty: browsers get links signed by S3",
            parse=parsers.optional(addresses.cdn_origin),
        ),
        Setting(
            "CLOUDFRONT_KEY_PAIR_ID",
            "public key id of the key group; empty: links are not signed",
            parse=parsers.optional(parsers.cloudfront_key_id),
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
            parse=parsers.optional(parsers.cloudfront_key_id),
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
            parse=parsers.optional(addresses.http_url),
        ),
    ),
)
