"""``autodj edge``: a stand-in for CloudFront in front of a bucket."""

from __future__ import annotations

from autodj.cli import edge_options as option


def edge(
    bucket: option.BucketName = None,
    endpoint: option.Endpoint = None,
    region: option.Region = None,
    path_style: option.PathStyle = None,
    origin_path: option.OriginPath = "",
    key: option.Keys = None,
    keys: option.KeyFolder = None,
    unsigned: option.UnsignedPaths = None,
    no_keys: option.NoKeys = False,
    host: option.Host = "127.0.0.1",
    port: option.Port = None,
    certificate: option.Certificate = None,
    certificate_key: option.CertificateKey = None,
    http_port: option.HttpPort = None,
    cache: option.CacheFolder = None,
    cache_size: option.CacheSize = "1GB",
    logs: option.Logs = None,
    control_port: option.ControlPort = None,
    distribution_id: option.DistributionId = None,
    error_ttl: option.ErrorTtl = 10,
    fault: option.Faults = None,
) -> None:
    """Stand in for CloudFront in front of a bucket, until Ctrl-C.

    Checks signed URLs and cookies, caches on disk, answers ranges, adds the headers that
    playback needs, and reads the bucket with the credentials of AWS_ACCESS_KEY_ID, so that the
    bucket itself stays private. `autodj up --s3` starts one by itself. SIGHUP reads the keys
    again; changed key files are noticed without it.

    For example:

        autodj edge --bucket my-music --key K2JCJMDEHXQW5F=public.pem
        autodj edge --endpoint http://127.0.0.1:9000 --path-style --bucket music --no-keys
        autodj edge --keys ./keys --logs ./logs --control-port 8101
        autodj cdn check
    """
    import asyncio

    from autodj.cli.edge_plan import Choices, planned, stand_in

    choices = Choices(
        bucket=bucket,
        endpoint=endpoint,
        region=region,
        path_style=path_style,
        origin_path=origin_path,
        keys=tuple(key or ()),
        keys_dir=keys,
        unsigned=tuple(unsigned or ()),
        no_keys=no_keys,
        host=host,
        port=port,
        certificate=certificate,
        certificate_key=certificate_key,
        http_port=http_port,
        cache=cache,
        cache_size=cache_size,
        logs=logs,
        control_port=control_port,
        distribution_id=distribution_id,
        error_ttl_s=error_ttl,
        faults=frozenset(fault or ()),
    )
    asyncio.run(stand_in(planned(choices)))
