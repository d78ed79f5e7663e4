// The interop test server on @grpc/grpc-js.
//
//   node interop-server.js REPOSITORY
//
// Prints its port, and stops when its stdin closes.
'use strict';

const { setTimeout: delay } = require('node:timers/promises');
const grpc = require('@grpc/grpc-js');
const { loadTesting, wasCompressed, payload, echoInitial, echoTrailing } = require('./interop-protocol.js');

const [repository] = process.argv.slice(2);
if (!repository) {
  process.stderr.write('usage: node interop-server.js REPOSITORY\n');
  process.exit(2);
}

function refuse(code, details, metadata) {
  return Object.assign(new Error(details), { code, details, metadata });
}

// Sends the initial metadata that the caller wants to see, and returns the trailing.
function echoMetadata(call) {
  const [initial] = call.metadata.get(echoInitial);
  if (initial !== undefined) {
    const headers = new grpc.Metadata();
    headers.set(echoInitial, initial);
    call.sendMetadata(headers);
  }
  const trailers = new grpc.Metadata();
  for (const value of call.metadata.get(echoTrailing)) trailers.add(echoTrailing, value);
  return trailers;
}

function checkCompression(request) {
  if (request.expect_compressed && request.expect_compressed.value !== wasCompressed(request)) {
    throw refuse(grpc.status.INVALID_ARGUMENT, `expected the request compressed: ${request.expect_compressed.value}`);
  }
}

function checkStatus(request, trailers) {
  if (request.response_status?.code) throw refuse(request.response_status.code, request.response_status.message, trailers);
}

function unaryCall(call, callback) {
  const trailers = echoMetadata(call);
  try {
    checkCompression(call.request);
    checkStatus(call.request, trailers);
    callback(null, { payload: payload(call.request.response_size) }, trailers);
  } catch (error) {
    callback(error);
  }
}

async function respond(call, request) {
  for (const { size, interval_us } of request.response_parameters) {
    if (interval_us > 0) await delay(interval_us / 1000);
    if (call.cancelled) return;
    call.write({ payload: payload(size) });
  }
}

async function streamingOutputCall(call) {
  try {
    checkStatus(call.request);
    await respond(call, call.request);
    call.end();
  } catch (error) {
    call.emit('error', error);
  }
}

async function streamingInputCall(call, callback) {
  let size = 0;
  try {
    for await (const request of call) {
      checkCompression(request);
      size += request.payload.body.length;
    }
    callback(null, { aggregated_payload_size: size });
  } catch (error) {
    callback(error);
  }
}

async function duplex(call, answer) {
  const trailers = echoMetadata(call);
  try {
    await answer(trailers);
    call.end(trailers);
  } catch (error) {
    if (!call.cancelled) call.emit('error', error);
  }
}

// Reading to the end with "for await" alone would also close the writing side.
const requestsOf = (call) => call.iterator({ destroyOnReturn: false });

const fullDuplexCall = (call) => duplex(call, async (trailers) => {
  for await (const request of requestsOf(call)) {
    checkStatus(request, trailers);
    await respond(call, request);
  }
});

const halfDuplexCall = (call) => duplex(call, async () => {
  const requests = [];
  for await (const request of requestsOf(call)) requests.push(request);
  for (const request of requests) await respond(call, request);
});

const server = new grpc.Server();
server.addService(loadTesting(repository).TestService.service, {
  EmptyCall: (call, callback) => callback(null, {}, echoMetadata(call)),
  UnaryCall: unaryCall,
  CacheableUnaryCall: unaryCall,
  StreamingOutputCall: streamingOutputCall,
  StreamingInputCall: streamingInputCall,
  FullDuplexCall: fullDuplexCall,
  HalfDuplexCall: halfDuplexCall,
});
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`${port}\n`);
});
process.stdin.on('end', () => { server.forceShutdown(); process.exit(0); });
process.stdin.resume();
