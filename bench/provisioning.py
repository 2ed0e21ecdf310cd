"""Whether what ``autodj cdn template`` prints is taken as it is: ``python -m bench.provisioning``.

Every two alternatives of the choices meet in at least one of the templates that are tried.
cfn-lint checks the CloudFormation of each against AWS's own schemas. Where Terraform and its AWS
provider are at hand (``--plugins``: a folder with the provider, where it cannot be fetched), the
provider validates the other language of each. With ``--emulator`` (the URL of a server that
speaks AWS's APIs) the provider also creates everything there, reads it all back, and must see
no difference; then everything but the public keys, which such servers do not know in templates,
is created once more from CloudFormation.
"""

from __future__ import annotations

import argparse
import copy
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from botocore.session import Session
from cfnlint.api import lint

from autodj.cdn.template import cloudformation, terraform
from autodj.cdn.template.choices import Choices
from autodj.settings import environment
from tests.cdn.templates import STANDARD, pairwise

Document = dict[str, Any]
Client = Any  # what botocore makes has the methods of its service

REGION: Final = "eu-central-1"
SERVICES: Final = ("s3", "iam", "kms", "sts", "cloudfront")
NAMES: Final = Path(__file__).parents[1] / "tests" / "cdn" / "terraform_names.json"


def main() -> None:
    options = _options()
    tried = pairwise()
    print(f"templates: {len(tried)}, in which every two of the alternatives meet")
    linted(tried, ["us-east-1", REGION])
    program = shutil.which("terraform")
    if program is None:
        print("terraform is not here: the other language is only proven by the tests")
        return
    with tempfile.TemporaryDirectory(prefix="autodj-terraform-") as name:
        folder = Folder(Path(name), program, options.plugins)
        folder.validate(tried)
        if options.names:
            NAMES.write_text(json.dumps(folder.names(tried), indent=1, sort_keys=True) + "\n")
            print(f"written: {NAMES.name}")
        if options.emulator:
            applied(folder, options.emulator)
    if options.emulator:
        created(options.emulator)


def linted(tried: Sequence[Choices], regions: list[str]) -> None:
    findings = [
        finding
        for choices in tried
        for finding in lint(cloudformation.render(choices), regions=regions)
    ]
    print(f"cfn-lint: {len(findings)} findings")
    for finding in findings:
        print(f"  {finding.rule.id} {finding.message} {finding.path}")


class Folder:
    """A folder in which Terraform has its provider."""

    def __init__(self, path: Path, program: str, plugins: Path | None) -> None:
        self._path = path
        self._program = program
        settings = path / "terraform.rc"
        mirror = f'provider_installation {{ filesystem_mirror {{ path = "{plugins}" }} }}'
        settings.write_text(mirror if plugins else "")
        self._environment = {
            **environment(),
            "TF_CLI_CONFIG_FILE": str(settings),
            "CHECKPOINT_DISABLE": "1",
        }
        self._write(terraform.document(STANDARD))
        assert self.run("init", "-input=false").returncode == 0, "the provider is not at hand"

    def validate(self, tried: Sequence[Choices]) -> None:
        valid = 0
        for choices in tried:
            self._write(terraform.document(choices))
            done = self.run("validate")
            valid += done.returncode == 0
            if done.returncode:
                print(done.stdout, done.stderr)
        print(f"terraform validate: {valid} of {len(tried)} valid")

    def names(self, tried: Sequence[Choices]) -> Mapping[str, Any]:
        """What the provider knows of the kinds that are used: the names of their arguments."""
        (schema,) = json.loads(self.run("providers", "schema", "-json").stdout)[
            "provider_schemas"
        ].values()
        used = sorted({kind for each in tried for kind in _resources(each)})
        return {kind: _known(schema["resource_schemas"][kind]["block"]) for kind in used}

    def apply(self, document: Mapping[str, Any]) -> bool:
        for file in self._path.glob("*.tfstate*"):
            file.unlink()
        self._write(document)
        done = self.run("apply", "-auto-approve", "-input=false")
        print(*[line for line in done.stdout.splitlines() if "Apply complete" in line])
        if done.returncode:
            print(done.stderr)
        return done.returncode == 0

    def differences(self) -> Sequence[str]:
        """The addresses that a second look would change."""
        self.run("plan", "-out=plan", "-input=false")
        plan = json.loads(self.run("show", "-json", "plan").stdout)
        return [
            each["address"]
            for each in plan["resource_changes"]
            if each["change"]["actions"] != ["no-op"]
        ]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._program, *arguments, *(["-no-color"] if arguments[0] != "providers" else [])],
            cwd=self._path,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def _write(self, document: Mapping[str, Any]) -> None:
        (self._path / "main.tf.json").write_text(json.dumps(document))


def applied(folder: Folder, endpoint: str) -> None:
    for choices in (
        Choices(bucket="autodj-a", public_keys=STANDARD.public_keys),
        Choices(bucket="autodj-b", public_keys=STANDARD.public_keys, kms_key="new", tiering=True),
    ):
        document: Any = terraform.document(choices)
        document["provider"] = {
            "aws": {
                "region": REGION,
                "access_key": "test",
                "secret_key": "test",
                "skip_credentials_validation": True,
                "skip_metadata_api_check": True,
                "s3_use_path_style": True,
                "endpoints": dict.fromkeys(SERVICES, endpoint),
            }
        }
        if folder.apply(document):
            print(f"{choices.bucket}, read back: {list(folder.differences())} differ")


def created(endpoint: str) -> None:
    choices = Choices(bucket="autodj-c", public_keys=STANDARD.public_keys)
    document = copy.deepcopy(cloudformation.document(choices))
    text = json.dumps(_with_keys(document, _client("cloudfront", endpoint)))
    stacks = _client("cloudformation", endpoint)
    stacks.create_stack(
        StackName=choices.bucket, TemplateBody=text, Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    (stack,) = stacks.describe_stacks(StackName=choices.bucket)["Stacks"]
    events = stacks.describe_stack_events(StackName=choices.bucket)["StackEvents"]
    done = {each["LogicalResourceId"] for each in events if "COMPLETE" in each["ResourceStatus"]}
    print(f"cloudformation: {stack['StackStatus']}, {len(done) - 1} resources")


def _with_keys(document: Document, front: Client) -> Document:
    """The template with the ids of keys that were created before."""
    resources = document["Resources"]
    ids = {
        name: front.create_public_key(
            PublicKeyConfig=resources.pop(name)["Properties"]["PublicKeyConfig"]
        )["PublicKey"]["Id"]
        for name in [name for name in resources if name.startswith("PublicKey")]
    }
    group = resources.pop("KeyGroup")["Properties"]["KeyGroupConfig"]
    group["Items"] = [ids[each["Ref"]] for each in group["Items"]]
    ids["KeyGroup"] = front.create_key_group(KeyGroupConfig=group)["KeyGroup"]["Id"]
    text = json.dumps(document)
    for name, known in ids.items():
        text = text.replace(json.dumps({"Ref": name}), json.dumps(known))
        text = text.replace(f"${{{name}}}", known)
    made: Document = json.loads(text)
    return made


def _client(service: str, endpoint: str) -> Client:
    return Session().create_client(
        service,
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def _resources(choices: Choices) -> Mapping[str, Any]:
    found: Any = terraform.document(choices)["resource"]
    return dict(found)


def _known(block: Mapping[str, Any]) -> Mapping[str, Any]:
    """Required and optional arguments, and the blocks inside, by name."""
    return {
        "required": [n for n, a in block.get("attributes", {}).items() if a.get("required")],
        "optional": [n for n, a in block.get("attributes", {}).items() if a.get("optional")],
        "blocks": {
            name: {
                "least": inner.get("min_items", 0),
                "most": inner.get("max_items", 0),
                **_known(inner["block"]),
            }
            for name, inner in block.get("block_types", {}).items()
            if name != "timeouts"
        },
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plugins", type=Path, help="a folder with Terraform's AWS provider")
    parser.add_argument("--emulator", help="URL of a server that speaks AWS's APIs")
    parser.add_argument("--names", action="store_true", help="write down the provider's names")
    return parser.parse_args()


if __name__ == "__main__":
    main()
