"""The interop test server on grpcio.

    python3 interop_server.py REPOSITORY

Prints its port, and stops when its stdin closes. grpcio does not tell a service whether a request was compressed, so expect_compressed
is not checked here.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc

from interop_protocol import ECHO_INITIAL, ECHO_TRAILING, load, zeros

if len(sys.argv) != 2:
    sys.exit("usage: python3 interop_server.py REPOSITORY")
messages, services = load(sys.argv[1], "testing.proto")
CODES = {code.value[0]: code for code in grpc.StatusCode}


def echo_metadata(context):
    received = context.invocation_metadata()
    initial = [(key, value) for key, value in received if key == ECHO_INITIAL]
    if initial:
        context.send_initial_metadata(initial)
    context.set_trailing_metadata([(key, value) for key, value in received if key == ECHO_TRAILING])


def check_status(request, context):
    if request.response_status.code:
        context.abort(CODES[request.response_status.code], request.response_status.message)


def allow_compression(wanted, context):
    if wanted:
        context.set_compression(grpc.Compression.Gzip)


def responses(request, context):
    for parameters in request.response_parameters:
        if parameters.interval_us:
            time.sleep(parameters.interval_us / 1e6)
        if not parameters.compressed.value:
            context.disable_next_message_compression()
        yield messages.StreamingOutputCallResponse(payload=zeros(messages, parameters.size))


class TestService(services.TestServiceServicer):
    def EmptyCall(self, request, context):
        echo_metadata(context)
        return messages.Empty()

    def UnaryCall(self, request, context):
        allow_compression(request.response_compressed.value, context)
        echo_metadata(context)
        check_status(request, context)
        return messages.SimpleResponse(payload=zeros(messages, request.response_size))

    CacheableUnaryCall = UnaryCall

    def StreamingOutputCall(self, request, context):
        allow_compression(any(parameters.compressed.value for parameters in request.response_parameters), context)
        check_status(request, context)
        yield from responses(request, context)

    def StreamingInputCall(self, request_iterator, context):
        size = sum(len(request.payload.body) for request in request_iterator)
        return messages.StreamingInputCallResponse(aggregated_payload_size=size)

    def FullDuplexCall(self, request_iterator, context):
        echo_metadata(context)
        for request in request_iterator:
            check_status(request, context)
            yield from responses(request, context)

    def HalfDuplexCall(self, request_iterator, context):
        for request in list(request_iterator):
            yield from responses(request, context)


server = grpc.server(ThreadPoolExecutor(max_workers=64))
services.add_TestServiceServicer_to_server(TestService(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
sys.stdin.read()
server.stop(grace=None).wait()
