"""The contract of the interop client and server: stubs made from the repository's .proto files into a folder that goes away at once."""

import os
import sys
import tempfile

import grpc_tools
from grpc_tools import protoc

PATIENCE = 10  # seconds for each call
ECHO_INITIAL = "x-grpc-test-echo-initial"
ECHO_TRAILING = "x-grpc-test-echo-trailing-bin"


def load(repository, *protos):
    """Makes the modules of these .proto files importable: "v1/health.proto" becomes v1.health_pb2 and v1.health_pb2_grpc.

    The folders below Rpc/Protos/grpc are roots themselves, because a module grpc.health would hide in the package grpc."""
    own = os.path.join(repository, "tests", "FeedMall.IntegrationTests", "Interop", "Protos")
    runtime = os.path.join(repository, "Rpc", "Protos", "grpc")
    roots = [own, os.path.join(runtime, "health"), os.path.join(runtime, "reflection"), os.path.join(os.path.dirname(grpc_tools.__file__), "_proto")]
    with tempfile.TemporaryDirectory(prefix="feedmall-stubs-") as folder:
        arguments = [f"-I{root}" for root in roots if os.path.isdir(root)]
        if protoc.main(["protoc", *arguments, f"--python_out={folder}", f"--grpc_python_out={folder}", *protos]) != 0:
            sys.exit("the stubs could not be made")
        sys.path.insert(0, folder)
        try:
            modules = []
            for proto in protos:
                name = proto.removesuffix(".proto").replace("/", ".")
                for suffix in ("_pb2", "_pb2_grpc"):
                    __import__(name + suffix)
                    modules.append(sys.modules[name + suffix])
            return modules
        finally:
            sys.path.remove(folder)


def zeros(messages, size):
    return messages.Payload(body=bytes(size))
