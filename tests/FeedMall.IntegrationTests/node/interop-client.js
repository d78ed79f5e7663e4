// The interop test client on @grpc/grpc-js.
//
//   node interop-client.js HOST:PORT REPOSITORY CASE...
//
// Prints one line of JSON for each case: {"case": name, "ok": whether it passed, "detail": what was wrong}.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const descriptor = require('protobufjs/ext/descriptor');
const { loadTesting, wasCompressed, payload, gzip, echoInitial, echoTrailing } = require('./interop-protocol.js');

const [address, repository, ...names] = process.argv.slice(2);
if (!address || !repository || names.length === 0) {
  process.stderr.write('usage: node interop-client.js HOST:PORT REPOSITORY CASE...\n');
  process.exit(2);
}

const patience = 10000; // milliseconds for each call
const noCompress = 2; // the flag of a message; grpc-js does not export its name
const longMessage = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n';
const { OK, CANCELLED, NOT_FOUND, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, UNIMPLEMENTED } = grpc.status;

const { TestService, UnimplementedService } = loadTesting(repository);
const credentials = grpc.credentials.createInsecure();
// A channel of its own each, also below: subchannels are shared otherwise.
const ownConnections = { 'grpc.use_local_subchannel_pool': 1 };
const connect = (options = {}) => new TestService(address, credentials, { ...ownConnections, ...options });
const client = connect();
const gzipClient = connect({ 'grpc.default_compression_algorithm': gzip });

// Messages in here go uncompressed over the channel that compresses.
const plain = new WeakSet();
const uncompressed = (message) => { plain.add(message); return message; };
class SelectiveCall extends grpc.InterceptingCall {
  sendMessageWithContext(context, message) {
    super.sendMessageWithContext({ ...context, flags: plain.has(message) ? noCompress : 0 }, message);
  }
}
const selective = [(options, nextCall) => new SelectiveCall(nextCall(options))];

const callOptions = (more) => ({ deadline: Date.now() + patience, ...more });

// Headers and status of a call, whichever way it ends.
function follow(call) {
  const seen = { headers: null };
  call.on('metadata', (headers) => { seen.headers = headers; });
  seen.status = new Promise((resolve) => call.on('status', resolve));
  call.on('error', () => {}); // it is the status again
  return seen;
}

async function unary(stub, method, request, { metadata = new grpc.Metadata(), ...options } = {}) {
  let response;
  const call = stub[method](request, metadata, callOptions(options), (error, value) => { response = value; });
  const seen = follow(call);
  const status = await seen.status;
  return { code: status.code, details: status.details, trailers: status.metadata, headers: seen.headers, response };
}

async function readAll(call) {
  const seen = follow(call);
  const responses = [];
  call.on('data', (response) => responses.push(response));
  const status = await seen.status;
  return { code: status.code, details: status.details, trailers: status.metadata, headers: seen.headers, responses };
}

// Opens StreamingInputCall and sends all.
async function input(stub, requests, options) {
  let response;
  const call = stub.StreamingInputCall(callOptions(options), (error, value) => { response = value; });
  const seen = follow(call);
  for (const request of requests) call.write(request);
  call.end();
  const { code, details } = await seen.status;
  return { code, details, response };
}

const sizes = (responses) => responses.map((response) => response.payload.body.length);
const isOk = ({ code, details }) => assert.equal(code, OK, `status ${code}: ${details}`);
const large = () => ({ response_size: 314159, payload: payload(271828) });
const zeros = (body, size) => assert.ok(body.equals(Buffer.alloc(size)), `the body is not ${size} zero bytes`);

function isLarge(result) {
  isOk(result);
  zeros(result.response.payload.body, 314159);
}

const echoed = (metadata) => {
  metadata.set(echoInitial, 'test_initial_metadata_value');
  metadata.set(echoTrailing, Buffer.from([0xab, 0xab, 0xab]));
  return metadata;
};

function checkEchoed(result) {
  isOk(result);
  assert.deepEqual(result.headers.get(echoInitial), ['test_initial_metadata_value']);
  assert.deepEqual(result.trailers.get(echoTrailing), [Buffer.from([0xab, 0xab, 0xab])]);
}

function statusIs(expected, result) {
  const { code, details } = result;
  assert.deepEqual({ code, details }, expected);
}

// Sends each request when the one before was answered, as often as the function gives one.
async function pingPong(call, requests) {
  const all = readAll(call);
  let next = 0;
  const send = () => { if (next < requests.length) call.write(requests[next++]); else call.end(); };
  call.on('data', send);
  send();
  return all;
}

const output = (...parameters) => ({ response_parameters: parameters });
const exchange = (response, request) => ({ ...output({ size: response }), payload: payload(request) });

async function soak(count, atOnce, call) {
  for (let done = 0; done < count; done += atOnce) {
    await Promise.all(Array.from({ length: Math.min(atOnce, count - done) }, call));
  }
}

const cases = {
  async empty_unary() {
    const result = await unary(client, 'EmptyCall', {});
    isOk(result);
    assert.ok(result.response);
  },
  async large_unary() {
    isLarge(await unary(client, 'UnaryCall', large()));
  },
  async client_compressed_unary() {
    const send = (value, wrap) => unary(gzipClient, 'UnaryCall', wrap({ ...large(), expect_compressed: { value } }), { interceptors: selective });
    assert.equal((await send(true, uncompressed)).code, INVALID_ARGUMENT);
    isLarge(await send(true, (message) => message));
    isLarge(await send(false, uncompressed));
  },
  async server_compressed_unary() {
    for (const value of [true, false]) {
      const result = await unary(client, 'UnaryCall', { ...large(), response_compressed: { value } });
      isLarge(result);
      assert.equal(wasCompressed(result.response), value);
    }
  },
  async client_streaming() {
    const result = await input(client, [27182, 8, 1828, 45904].map((size) => ({ payload: payload(size) })));
    isOk(result);
    assert.equal(result.response.aggregated_payload_size, 74922);
  },
  async client_compressed_streaming() {
    const first = { payload: payload(27182), expect_compressed: { value: true } };
    assert.equal((await input(gzipClient, [uncompressed({ ...first })], { interceptors: selective })).code, INVALID_ARGUMENT);
    const second = uncompressed({ payload: payload(45904), expect_compressed: { value: false } });
    const result = await input(gzipClient, [first, second], { interceptors: selective });
    isOk(result);
    assert.equal(result.response.aggregated_payload_size, 73086);
  },
  async server_streaming() {
    const wanted = [31415, 9, 2653, 58979];
    const result = await readAll(client.StreamingOutputCall(output(...wanted.map((size) => ({ size }))), callOptions()));
    isOk(result);
    assert.deepEqual(sizes(result.responses), wanted);
  },
  async server_compressed_streaming() {
    const request = output({ compressed: { value: true }, size: 31415 }, { compressed: { value: false }, size: 92653 });
    const result = await readAll(client.StreamingOutputCall(request, callOptions()));
    isOk(result);
    assert.deepEqual(sizes(result.responses), [31415, 92653]);
    assert.deepEqual(result.responses.map(wasCompressed), [true, false]);
  },
  async ping_pong() {
    const pairs = [[31415, 27182], [9, 8], [2653, 1828], [58979, 45904]];
    const result = await pingPong(client.FullDuplexCall(callOptions()), pairs.map((pair) => exchange(...pair)));
    isOk(result);
    assert.deepEqual(sizes(result.responses), pairs.map(([size]) => size));
  },
  async empty_stream() {
    const result = await pingPong(client.FullDuplexCall(callOptions()), []);
    isOk(result);
    assert.deepEqual(result.responses, []);
  },
  async cancel_after_begin() {
    const call = client.StreamingInputCall(callOptions(), () => {});
    const { status } = follow(call);
    call.cancel();
    assert.equal((await status).code, CANCELLED);
  },
  async cancel_after_first_response() {
    const call = client.FullDuplexCall(callOptions());
    const all = readAll(call);
    call.on('data', () => call.cancel());
    call.write(exchange(31415, 27182));
    const result = await all;
    assert.deepEqual(sizes(result.responses), [31415]);
    assert.equal(result.code, CANCELLED);
  },
  async timeout_on_sleeping_server() {
    const call = client.FullDuplexCall({ deadline: Date.now() + 1 });
    const result = readAll(call);
    call.write({ payload: payload(27182) });
    assert.equal((await result).code, DEADLINE_EXCEEDED);
  },
  async custom_metadata() {
    checkEchoed(await unary(client, 'UnaryCall', large(), { metadata: echoed(new grpc.Metadata()) }));
    checkEchoed(await pingPong(client.FullDuplexCall(echoed(new grpc.Metadata()), callOptions()), [exchange(314159, 271828)]));
  },
  async status_code_and_message() {
    const expected = { code: UNKNOWN, details: 'test status message' };
    const response_status = { code: UNKNOWN, message: expected.details };
    statusIs(expected, await unary(client, 'UnaryCall', { response_status }));
    statusIs(expected, await pingPong(client.FullDuplexCall(callOptions()), [{ response_status }]));
  },
  async special_status_message() {
    const response_status = { code: UNKNOWN, message: longMessage };
    statusIs({ code: UNKNOWN, details: longMessage }, await unary(client, 'UnaryCall', { response_status }));
  },
  async unimplemented_method() {
    assert.equal((await unary(client, 'UnimplementedCall', {})).code, UNIMPLEMENTED);
  },
  async unimplemented_service() {
    const stub = new UnimplementedService(address, credentials, ownConnections);
    assert.equal((await unary(stub, 'UnimplementedCall', {})).code, UNIMPLEMENTED);
    stub.close();
  },
  async rpc_soak() {
    await soak(100, 1, async () => isLarge(await unary(client, 'UnaryCall', large())));
  },
  async channel_soak() {
    await soak(20, 1, async () => {
      const fresh = connect();
      isLarge(await unary(fresh, 'UnaryCall', large()));
      fresh.close();
    });
  },
  async concurrent_large_unary() {
    await soak(50, 50, async () => isLarge(await unary(client, 'UnaryCall', large())));
  },
  async compressed_request() {
    isLarge(await unary(gzipClient, 'UnaryCall', large()));
  },
  async compressed_response() {
    const result = await readAll(client.StreamingOutputCall(output({ size: 314159, compressed: { value: true } }), callOptions()));
    isOk(result);
    zeros(result.responses[0].payload.body, 314159);
  },
  async half_duplex() {
    const call = client.HalfDuplexCall(callOptions());
    const answers = readAll(call);
    for (const size of [31415, 9, 2653]) call.write(output({ size }));
    call.end();
    const result = await answers;
    isOk(result);
    assert.deepEqual(sizes(result.responses), [31415, 9, 2653]);
  },
  async health_check() {
    const { Health } = load('grpc/health/v1/health.proto').health.v1;
    const health = new Health(address, credentials, ownConnections);
    for (const service of ['', 'grpc.testing.TestService']) {
      const result = await unary(health, 'Check', { service });
      isOk(result);
      assert.equal(result.response.status, 'SERVING');
    }
    assert.equal((await unary(health, 'Check', { service: 'nope' })).code, NOT_FOUND);
    health.close();
  },
  reflection_v1: () => reflect('v1'),
  reflection_v1alpha: () => reflect('v1alpha'),
};

const load = (file) => grpc.loadPackageDefinition(protoLoader.loadSync(file, {
  includeDirs: [path.join(repository, 'Rpc', 'Protos')], keepCase: true, enums: String, defaults: true, oneofs: true,
})).grpc;

async function reflect(version) {
  const { ServerReflection } = load(`grpc/reflection/${version}/reflection.proto`).reflection[version];
  const reflection = new ServerReflection(address, credentials, ownConnections);
  const questions = [{ list_services: '' }, { file_containing_symbol: 'grpc.testing.TestService.UnaryCall' }, { file_containing_symbol: 'grpc.testing.Nope' }];
  const result = await pingPong(reflection.ServerReflectionInfo(callOptions()), questions);
  isOk(result);
  const [list, found, missing] = result.responses;

  const services = list.list_services_response.service.map(({ name }) => name);
  for (const name of ['grpc.testing.TestService', 'grpc.health.v1.Health', `grpc.reflection.${version}.ServerReflection`]) assert.ok(services.includes(name), `${services} lack ${name}`);

  const files = found.file_descriptor_response.file_descriptor_proto.map((bytes) => descriptor.FileDescriptorProto.decode(bytes));
  const file = files.find((one) => one.package === 'grpc.testing');
  const { method } = file.service.find(({ name }) => name === 'TestService');
  const { inputType, outputType, serverStreaming, clientStreaming } = method.find(({ name }) => name === 'UnaryCall');
  assert.deepEqual(
    { inputType, outputType, serverStreaming: serverStreaming || false, clientStreaming: clientStreaming || false },
    { inputType: '.grpc.testing.SimpleRequest', outputType: '.grpc.testing.SimpleResponse', serverStreaming: false, clientStreaming: false });
  assert.equal(missing.error_response.error_code, NOT_FOUND);
  reflection.close();
}

async function run(name) {
  let timer;
  const tooLong = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('took more than 20 s')), 20000); });
  try {
    if (!cases[name]) throw new Error('no such case');
    await Promise.race([cases[name](), tooLong]);
    return { case: name, ok: true, detail: '' };
  } catch (error) {
    return { case: name, ok: false, detail: error.stack };
  } finally {
    clearTimeout(timer);
  }
}

async function main() {
  for (const name of names) process.stdout.write(`${JSON.stringify(await run(name))}\n`);
}

// grpc-js keeps timers of cancelled calls until their deadlines; nothing is left to wait for.
main().then(() => process.exit(0));
