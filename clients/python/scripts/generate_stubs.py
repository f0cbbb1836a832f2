#!/usr/bin/env python3
"""Generates `lekalo_client._proto` and `lekalo_client.v1` from the contract in `../../proto`.

Run it after each change there. `--check` writes nothing and fails if the committed files are not what it would write.
It needs the `dev` extras, whose versions decide what is written.
"""

import re
import subprocess
import sys
import sysconfig
import tempfile
from itertools import chain
from pathlib import Path

from generated import publish, tidy
from google.protobuf import descriptor_pb2

PACKAGE = Path(__file__).parents[1] / "src" / "lekalo_client"
CONTRACT = Path(__file__).parents[3] / "proto"


def main() -> int:
    """Generates into a temporary folder, then publishes or compares."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        descriptors = compile_contract(root / "_proto")
        for path in (root / "_proto").rglob("*.py*"):
            path.write_text(make_relative(path.read_text()))
        for level in [root / "_proto", *(path for path in (root / "_proto").rglob("*") if path.is_dir())]:
            (level / "__init__.py").write_text('"""Generated from the contract; not to be edited."""\n')
        (root / "v1.py").write_text(public_module(descriptors))
        tidy(root / "v1.py")
        return publish(root, PACKAGE, ["_proto", "v1.py"], check="--check" in sys.argv)


def compile_contract(out: Path) -> descriptor_pb2.FileDescriptorSet:
    """Runs protoc with its Python, gRPC and type stub plugins, and returns what it read."""
    out.mkdir()
    messages = sorted(str(path.relative_to(CONTRACT)) for path in (CONTRACT / "lekalo").rglob("*.proto"))
    services = [name for name in messages if name.endswith("_service.proto")]
    plugins = Path(sysconfig.get_path("scripts"))
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{CONTRACT}"]
    mypy = f"--plugin=protoc-gen-mypy={plugins / 'protoc-gen-mypy'}"
    mypy_grpc = f"--plugin=protoc-gen-mypy_grpc={plugins / 'protoc-gen-mypy_grpc'}"
    descriptors = out.parent / "descriptors"
    subprocess.run(
        [*protoc, mypy, f"--python_out={out}", f"--mypy_out=quiet:{out}", f"-o{descriptors}", *messages], check=True
    )
    subprocess.run(
        [*protoc, mypy_grpc, f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}", *services], check=True
    )
    return descriptor_pb2.FileDescriptorSet.FromString(descriptors.read_bytes())


def make_relative(source: str) -> str:
    """Moves the code from `lekalo.v1`, where protoc thinks it is, to where it is: imports, and what pickle goes by."""
    source = re.sub(r"^from lekalo\.v1 import ", "from . import ", source, flags=re.MULTILINE)
    return re.sub(r"'(lekalo\.v1\.\w+_pb2)'", r"'lekalo_client._proto.\1'", source)


def public_module(descriptors: descriptor_pb2.FileDescriptorSet) -> str:
    """Writes `v1.py`, where every message and enum of the contract has its public name."""
    names = {
        f"{file.name.removesuffix('.proto').rsplit('/', 1)[1]}_pb2": sorted(
            [*(message.name for message in file.message_type), *(enum.name for enum in file.enum_type)]
        )
        for file in descriptors.file
    }
    imports = "".join(
        f"from lekalo_client._proto.lekalo.v1.{module} import ({', '.join(sorted(members))},)\n"
        for module, members in sorted(names.items())
    )
    exported = ", ".join(f'"{name}"' for name in sorted(chain.from_iterable(names.values())))
    doc = '"""The messages and enums of the contract `lekalo.v1`. Generated; not to be edited."""'
    return f"{doc}\n\n{imports}\n__all__ = [{exported},]\n"


if __name__ == "__main__":
    sys.exit(main())
