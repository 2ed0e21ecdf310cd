"""A basket in a bucket, as the S3 store wants to be told."""

from __future__ import annotations

from autodj.settings.baskets import Basket
from autodj.storage.s3.config import S3Config, S3Timing, S3Transfers


def s3_config_of(basket: Basket) -> S3Config:
    s3 = basket.s3
    assert s3 is not None
    assert s3.bucket is not None
    return S3Config(
        bucket=s3.bucket,
        region=s3.region,
        endpoint_url=s3.endpoint_url,
        prefix=s3.prefix,
        access_key=s3.access_key,
        secret_key=s3.secret_key,
        session_token=s3.session_token,
        keys_from=s3.keys_from,
        use_machine_role=s3.use_iam_role,
        profile=s3.profile,
        role_arn=s3.role_arn,
        role_session_name=s3.role_session_name,
        role_external_id=s3.role_external_id,
        sts_endpoint_url=s3.sts_endpoint_url,
        expected_bucket_owner=s3.expected_bucket_owner,
        path_style=s3.path_style,
        encryption=basket.encryption,
        storage_class=basket.storage_class,
        max_object_bytes=basket.max_object_bytes,
        max_connections=s3.max_connections,
        timing=S3Timing(
            connect_s=s3.connect_timeout_s,
            read_s=s3.read_timeout_s,
            attempts=s3.max_retries + 1,
            retry_delay_s=s3.retry_delay_s,
        ),
        transfers=S3Transfers(multipart_bytes=s3.multipart_bytes),
        basket=basket.name,
    )
