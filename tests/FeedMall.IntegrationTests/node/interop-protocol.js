// What the interop client and server share: the contract, sizes, and whether a message came compressed.
'use strict';

const path = require('node:path');
const zlib = require('node:zlib');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

// grpc-js tells nobody whether a message was compressed. So what comes out of its gunzip is kept until a message of these bytes is read.
const inflated = [];
const createGunzip = zlib.createGunzip;
Object.defineProperty(zlib, 'createGunzip', {
  configurable: true,
  enumerable: true,
  value(...options) {
    const stream = createGunzip(...options);
    const parts = [];
    stream.on('data', (part) => parts.push(part));
    stream.on('end', () => inflated.push(Buffer.concat(parts)));
    return stream;
  },
});

const compressed = new WeakSet();

function marking(deserialize) {
  return (bytes) => {
    const message = deserialize(bytes);
    const index = inflated.findIndex((one) => one.equals(bytes));
    if (index >= 0) {
      inflated.splice(index, 1);
      compressed.add(message);
    }
    return message;
  };
}

function loadTesting(repository) {
  const folder = path.join(repository, 'tests', 'FeedMall.IntegrationTests', 'Interop', 'Protos');
  const definitions = protoLoader.loadSync('testing.proto', { includeDirs: [folder], keepCase: true, defaults: true });
  for (const definition of Object.values(definitions)) {
    for (const method of Object.values(definition)) {
      if (!method.requestDeserialize) continue;
      method.requestDeserialize = marking(method.requestDeserialize);
      method.responseDeserialize = marking(method.responseDeserialize);
    }
  }
  return grpc.loadPackageDefinition(definitions).grpc.testing;
}

module.exports = {
  loadTesting,
  wasCompressed: (message) => compressed.has(message),
  payload: (size) => ({ body: Buffer.alloc(size) }),
  gzip: 2, // grpc-js does not export its names of the algorithms
  echoInitial: 'x-grpc-test-echo-initial',
  echoTrailing: 'x-grpc-test-echo-trailing-bin',
};
