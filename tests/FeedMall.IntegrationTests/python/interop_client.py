"""The interop test client on grpcio.

    python3 interop_client.py HOST:PORT REPOSITORY CASE...

Prints one line of JSON for each case: {"case": name, "ok": whether it passed, "detail": what was wrong}.
"""

import json
import queue
import random
import sys
import traceback

import grpc

from interop_protocol import ECHO_INITIAL, ECHO_TRAILING, PATIENCE, load, zeros

if len(sys.argv) < 4:
    sys.exit("usage: python3 interop_client.py HOST:PORT REPOSITORY CASE...")
address, repository, *names = sys.argv[1:]
messages, services = load(repository, "testing.proto")

LONG_MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
ECHOED = ((ECHO_INITIAL, "test_initial_metadata_value"), (ECHO_TRAILING, b"\xab\xab\xab"))
GZIP = grpc.Compression.Gzip

# Connections of its own for every channel: grpcio shares them otherwise.
OWN_CONNECTIONS = [("grpc.use_local_subchannel_pool", 1)]


def connect():
    return grpc.insecure_channel(address, options=OWN_CONNECTIONS)


channel = connect()
stub = services.TestServiceStub(channel)


def equal(actual, wanted):
    if actual != wanted:
        raise AssertionError(f"{actual!r} instead of {wanted!r}")


def fails(call, code, details=None):
    """The call ends with this status."""
    try:
        call()
    except grpc.RpcError as error:
        equal(error.code(), code)
        if details is not None:
            equal(error.details(), details)
    else:
        raise AssertionError(f"OK instead of {code}")


def flag(value):
    return messages.BoolValue(value=value)


def large(**more):
    return messages.SimpleRequest(response_size=314159, payload=zeros(messages, 271828), **more)


def check_large(response):
    equal(response.payload.body == bytes(314159), True)


def inputs(*payloads):
    return [messages.StreamingInputCallRequest(payload=zeros(messages, size)) for size in payloads]


def outputs(*sizes, payload=0):
    parameters = [messages.ResponseParameters(size=size) for size in sizes]
    return messages.StreamingOutputCallRequest(response_parameters=parameters, payload=zeros(messages, payload))


def sizes_of(responses):
    return [len(response.payload.body) for response in responses]


class Requests:
    """An iterator that gives a request when it is put in."""

    def __init__(self):
        self._queue = queue.Queue()

    def put(self, request):
        self._queue.put(request)

    def close(self):
        self._queue.put(None)

    def __iter__(self):
        return iter(self._queue.get, None)


def ping_pong_of(call, requests, pairs):
    received = []
    for response_size, request_size in pairs:
        requests.put(outputs(response_size, payload=request_size))
        received.append(len(next(call).payload.body))
    requests.close()
    return received + sizes_of(call)


def empty_unary():
    equal(stub.EmptyCall(messages.Empty(), timeout=PATIENCE), messages.Empty())


def large_unary():
    check_large(stub.UnaryCall(large(), timeout=PATIENCE))


def client_compressed_unary():
    expecting, not_expecting = large(expect_compressed=flag(True)), large(expect_compressed=flag(False))
    fails(lambda: stub.UnaryCall(expecting, timeout=PATIENCE), grpc.StatusCode.INVALID_ARGUMENT)
    check_large(stub.UnaryCall(expecting, timeout=PATIENCE, compression=GZIP))
    check_large(stub.UnaryCall(not_expecting, timeout=PATIENCE))


def client_streaming():
    response = stub.StreamingInputCall(iter(inputs(27182, 8, 1828, 45904)), timeout=PATIENCE)
    equal(response.aggregated_payload_size, 74922)


def client_compressed_streaming():
    [compressed] = inputs(27182)
    compressed.expect_compressed.value = True
    fails(lambda: stub.StreamingInputCall(iter([compressed]), timeout=PATIENCE), grpc.StatusCode.INVALID_ARGUMENT)
    # grpcio has no switch for one message of a stream, but sends a message as it is when compressing would not make it smaller.
    noise = messages.Payload(body=random.Random(0).randbytes(45904))
    uncompressed = messages.StreamingInputCallRequest(payload=noise, expect_compressed=flag(False))
    response = stub.StreamingInputCall(iter([compressed, uncompressed]), timeout=PATIENCE, compression=GZIP)
    equal(response.aggregated_payload_size, 73086)


def server_streaming():
    sizes = [31415, 9, 2653, 58979]
    equal(sizes_of(stub.StreamingOutputCall(outputs(*sizes), timeout=PATIENCE)), sizes)


def ping_pong():
    pairs = [(31415, 27182), (9, 8), (2653, 1828), (58979, 45904)]
    requests = Requests()
    call = stub.FullDuplexCall(iter(requests), timeout=PATIENCE)
    equal(ping_pong_of(call, requests, pairs), [size for size, _ in pairs])
    equal(call.code(), grpc.StatusCode.OK)


def empty_stream():
    call = stub.FullDuplexCall(iter([]), timeout=PATIENCE)
    equal(list(call), [])
    equal(call.code(), grpc.StatusCode.OK)


def cancel_after_begin():
    requests = Requests()
    call = stub.StreamingInputCall.future(iter(requests), timeout=PATIENCE)
    call.cancel()
    requests.close()
    equal(call.cancelled(), True)
    equal(call.code(), grpc.StatusCode.CANCELLED)


def cancel_after_first_response():
    requests = Requests()
    call = stub.FullDuplexCall(iter(requests), timeout=PATIENCE)
    requests.put(outputs(31415, payload=27182))
    equal(len(next(call).payload.body), 31415)
    call.cancel()
    requests.close()
    fails(lambda: next(call), grpc.StatusCode.CANCELLED)


def timeout_on_sleeping_server():
    requests = Requests()
    requests.put(outputs(payload=27182))
    call = stub.FullDuplexCall(iter(requests), timeout=0.001)
    fails(lambda: next(call), grpc.StatusCode.DEADLINE_EXCEEDED)
    requests.close()


def check_echoed(call):
    equal([pair for pair in call.initial_metadata() if pair[0] == ECHO_INITIAL], [ECHOED[0]])
    equal([pair for pair in call.trailing_metadata() if pair[0] == ECHO_TRAILING], [ECHOED[1]])
    equal(call.code(), grpc.StatusCode.OK)


def custom_metadata():
    response, call = stub.UnaryCall.with_call(large(), timeout=PATIENCE, metadata=ECHOED)
    check_large(response)
    check_echoed(call)
    duplex = stub.FullDuplexCall(iter([outputs(314159, payload=271828)]), timeout=PATIENCE, metadata=ECHOED)
    equal(sizes_of(duplex), [314159])
    check_echoed(duplex)


def status_code_and_message():
    status = messages.EchoStatus(code=2, message="test status message")
    unary = messages.SimpleRequest(response_status=status)
    fails(lambda: stub.UnaryCall(unary, timeout=PATIENCE), grpc.StatusCode.UNKNOWN, status.message)
    duplex = iter([messages.StreamingOutputCallRequest(response_status=status)])
    fails(lambda: list(stub.FullDuplexCall(duplex, timeout=PATIENCE)), grpc.StatusCode.UNKNOWN, status.message)


def special_status_message():
    request = messages.SimpleRequest(response_status=messages.EchoStatus(code=2, message=LONG_MESSAGE))
    fails(lambda: stub.UnaryCall(request, timeout=PATIENCE), grpc.StatusCode.UNKNOWN, LONG_MESSAGE)


def unimplemented_method():
    fails(lambda: stub.UnimplementedCall(messages.Empty(), timeout=PATIENCE), grpc.StatusCode.UNIMPLEMENTED)


def unimplemented_service():
    other = services.UnimplementedServiceStub(channel)
    fails(lambda: other.UnimplementedCall(messages.Empty(), timeout=PATIENCE), grpc.StatusCode.UNIMPLEMENTED)


def rpc_soak():
    for _ in range(100):
        large_unary()


def channel_soak():
    for _ in range(20):
        with connect() as fresh:
            check_large(services.TestServiceStub(fresh).UnaryCall(large(), timeout=PATIENCE))


def concurrent_large_unary():
    for call in [stub.UnaryCall.future(large(), timeout=PATIENCE) for _ in range(50)]:
        check_large(call.result())


def compressed_request():
    check_large(stub.UnaryCall(large(), timeout=PATIENCE, compression=GZIP))


def compressed_response():
    request = outputs(314159)
    request.response_parameters[0].compressed.value = True
    [response] = stub.StreamingOutputCall(request, timeout=PATIENCE)
    check_large(response)


def half_duplex():
    sizes = [31415, 9, 2653]
    equal(sizes_of(stub.HalfDuplexCall(iter([outputs(size) for size in sizes]), timeout=PATIENCE)), sizes)


def health_check():
    health, health_services = load(repository, "v1/health.proto")
    checks = health_services.HealthStub(channel)
    for service in ("", "grpc.testing.TestService"):
        response = checks.Check(health.HealthCheckRequest(service=service), timeout=PATIENCE)
        equal(response.status, health.HealthCheckResponse.SERVING)
    fails(lambda: checks.Check(health.HealthCheckRequest(service="nope"), timeout=PATIENCE), grpc.StatusCode.NOT_FOUND)


def reflect(version):
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    reflection, reflection_services = load(repository, f"{version}/reflection.proto")
    questions = [
        {"list_services": ""},
        {"file_containing_symbol": "grpc.testing.TestService.UnaryCall"},
        {"file_containing_symbol": "grpc.testing.Nope"},
    ]
    call = reflection_services.ServerReflectionStub(channel).ServerReflectionInfo(
        iter([reflection.ServerReflectionRequest(**question) for question in questions]), timeout=PATIENCE)
    listed, found, missing = call

    names = {service.name for service in listed.list_services_response.service}
    wanted = {"grpc.testing.TestService", "grpc.health.v1.Health", f"grpc.reflection.{version}.ServerReflection"}
    equal(wanted - names, set())

    files = [FileDescriptorProto.FromString(file) for file in found.file_descriptor_response.file_descriptor_proto]
    methods = {
        f"{file.package}.{service.name}.{method.name}": method for file in files for service in file.service for method in service.method
    }
    method = methods["grpc.testing.TestService.UnaryCall"]
    equal(
        (method.input_type, method.output_type, method.client_streaming, method.server_streaming),
        (".grpc.testing.SimpleRequest", ".grpc.testing.SimpleResponse", False, False))
    equal(missing.error_response.error_code, grpc.StatusCode.NOT_FOUND.value[0])


def reflection_v1():
    reflect("v1")


def reflection_v1alpha():
    reflect("v1alpha")


def run(name):
    """Every call has a deadline, so every case ends."""
    try:
        globals()[name]()
        return {"case": name, "ok": True, "detail": ""}
    except Exception:
        return {"case": name, "ok": False, "detail": traceback.format_exc()}


for name in names:
    print(json.dumps(run(name)), flush=True)
channel.close()
