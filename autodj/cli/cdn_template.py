"""``autodj cdn template``: what to create in AWS, in the language of your choice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autodj.cli import cdn_choices as option


def template(
    bucket: option.Bucket,
    public_key: option.PublicKeys = None,
    unsigned: option.Unsigned = False,
    language: option.LanguageOption = option.Language.CLOUDFORMATION,
    prefix: option.Prefix = "",
    existing_bucket: option.ExistingBucket = False,
    kms_key: option.KmsKey = None,
    versioning: option.Versioning = True,
    noncurrent_days: option.NoncurrentDays = 30,
    tiering: option.Tiering = False,
    logs: option.Logs = True,
    log_days: option.LogDays = 90,
    domain: option.Domain = None,
    certificate_arn: option.CertificateArn = None,
    digest: option.HashOption = option.Digest.SHA256,
    price_class: option.PriceClassOption = option.Reach.NEAR,
    origin_shield: option.OriginShield = None,
    error_cache_s: option.ErrorCacheS = 1,
    ipv6: option.Ipv6 = True,
    metrics: option.Metrics = False,
    cookie_origin: option.CookieOrigins = None,
    power: option.Powers = None,
    web_role: option.Names = None,
    web_user: option.Names = None,
    worker_role: option.Names = None,
    worker_user: option.Names = None,
    operator_role: option.Names = None,
    operator_user: option.Names = None,
) -> None:
    r"""Print the bucket, the distribution and the rights as CloudFormation or Terraform.

    Nothing is created. The output Settings of what you then create holds the lines for .env.
    Roles and users exist already; without any the policies are there to be attached.

    For example:

        autodj cdn template --bucket my-music --public-key public.pem > autodj.json
        autodj cdn template --bucket my-music --public-key public.pem \
        --format terraform > autodj.tf.json
    """
    from autodj.cdn.template import cloudformation, terraform
    from autodj.cdn.template.choices import Choices, Held
    from autodj.cli.console import print_line
    from autodj.errors import CommandError, SettingsError

    hint = "`autodj cdn template --help` lists the choices."
    if unsigned == bool(public_key):
        raise CommandError("Give --public-key, or --unsigned to let everybody in.", hint=hint)
    try:
        choices = Choices(
            bucket=bucket,
            public_keys=_texts(public_key or ()),
            prefix=f"{prefix.strip('/')}/" if prefix.strip("/") else "",
            existing_bucket=existing_bucket,
            domain=domain,
            certificate_arn=certificate_arn,
            hash=digest.value,
            logs=logs,
            log_days=log_days,
            versioning=versioning,
            noncurrent_days=noncurrent_days,
            tiering=tiering,
            kms_key=kms_key,
            price_class=price_class.value,
            origin_shield=origin_shield,
            error_cache_s=error_cache_s,
            ipv6=ipv6,
            metrics=metrics,
            cookie_origins=tuple(cookie_origin or ()),
            extras=frozenset(each.value for each in power or ()),
            web=Held(tuple(web_role or ()), tuple(web_user or ())),
            worker=Held(tuple(worker_role or ()), tuple(worker_user or ())),
            operator=Held(tuple(operator_role or ()), tuple(operator_user or ())),
        )
    except SettingsError as error:
        raise CommandError(f"{'; '.join(error.faults)}.", hint=hint) from error
    made = terraform if language is option.Language.TERRAFORM else cloudformation
    print_line(made.render(choices))


def _texts(files: Sequence[Path]) -> tuple[str, ...]:
    return tuple(file.read_text("ascii", "replace") for file in files)
