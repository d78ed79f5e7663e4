// Calls Domain.Feed with @grpc/grpc-js, to show that others understand our gRPC runtime and we them.
//
//   node feed-client.js HOST:PORT REPOSITORY
//
// Prints one line of JSON for each case: {"case": name, …what came back}. The test that runs this judges the values.
'use strict';

const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const protobuf = require('protobufjs');

const [address, repository] = process.argv.slice(2);
if (!address || !repository) {
  process.stderr.write('usage: node feed-client.js HOST:PORT REPOSITORY\n');
  process.exit(2);
}

const runtimeProtos = path.join(repository, 'Rpc', 'Protos');
const definitions = protoLoader.loadSync(['feed/v1/users.proto', 'feed/v1/posts.proto', 'grpc/health/v1/health.proto'], {
  includeDirs: [path.join(repository, 'proto'), runtimeProtos],
  longs: String,
  enums: String,
  defaults: true,
});
const { feedmall, grpc: wellKnown } = grpc.loadPackageDefinition(definitions);

const details = new protobuf.Root();
const resolveBundled = details.resolvePath.bind(details);
details.resolvePath = (origin, target) => target.startsWith('google/rpc/') ? path.join(runtimeProtos, target) : resolveBundled(origin, target);
details.loadSync(['google/rpc/status.proto', 'google/rpc/error_details.proto']);

const credentials = grpc.credentials.createInsecure();
const users = new feedmall.feed.v1.Users(address, credentials);
const posts = new feedmall.feed.v1.Posts(address, credentials);
const health = new wellKnown.health.v1.Health(address, credentials);

const within = (milliseconds) => ({ deadline: Date.now() + milliseconds });

// Every value that a call brings: response or error, headers, trailers.
function unary(client, method, request, metadata = new grpc.Metadata(), options = within(20000)) {
  return new Promise((resolve) => {
    const seen = {};
    const call = client[method](request, metadata, options, (error, response) => {
      Object.assign(seen, { error, response });
      // The callback runs before the status event when the call fails.
      setImmediate(() => resolve(seen));
    });
    call.on('metadata', (headers) => { seen.headers = headers.getMap(); });
    call.on('status', (status) => { seen.status = status; });
  });
}

function readErrorInfo(trailers) {
  const [bytes] = trailers.get('grpc-status-details-bin');
  if (!bytes) return null;
  const status = details.lookupType('google.rpc.Status').decode(bytes);
  const any = status.details.find((detail) => detail.type_url === 'type.googleapis.com/google.rpc.ErrorInfo');
  const { reason, domain, metadata } = details.lookupType('google.rpc.ErrorInfo').decode(any.value);
  return { code: status.code, reason, domain, metadata };
}

function print(name, values) {
  process.stdout.write(`${JSON.stringify({ case: name, ...values })}\n`);
}

async function cancelAfterFirst() {
  const call = posts.StreamPosts({}, within(20000));
  let received = 0;
  return new Promise((resolve) => {
    call.on('error', (error) => resolve({ code: error.code, received }));
    call.on('end', () => resolve({ code: grpc.status.OK, received }));
    call.on('data', () => {
      received += 1;
      call.pause();
      call.cancel();
    });
  });
}

async function streamAll(request) {
  const call = posts.StreamPosts(request, within(20000));
  const ids = [];
  return new Promise((resolve, reject) => {
    let code = null;
    call.on('data', ({ post }) => ids.push(post.id));
    call.on('status', (status) => { code = status.code; });
    call.on('error', reject);
    call.on('end', () => setImmediate(() => resolve({ code, ids })));
  });
}

async function main() {
  const registered = await unary(users, 'Register', { name: 'node-client', password: 'correct horse battery' });
  if (registered.error) throw registered.error;
  const uid = registered.response.user.id;
  print('register', { uid, name: registered.response.user.name });

  const anonymous = await unary(posts, 'CreatePost', { title: 'nobody', content: '' });
  print('metadata-missing', { code: anonymous.status.code, info: readErrorInfo(anonymous.status.metadata) });

  const acting = new grpc.Metadata();
  acting.set('x-md-global-uid', uid);
  const created = await unary(posts, 'CreatePost', { title: 'Grüße ☺', content: 'from Node' }, acting);
  if (created.error) throw created.error;
  print('metadata', {
    uid: created.response.post.uid,
    title: created.response.post.title,
    code: created.status.code,
    contentType: created.headers['content-type'],
    serverTiming: created.status.metadata.getMap()['server-timing'],
  });

  const id = created.response.post.id;
  const read = await unary(posts, 'GetPost', { id });
  print('unary', { id: read.response.post.id, same: id === read.response.post.id, content: read.response.post.content });

  const missing = await unary(posts, 'GetPost', { id: '1' });
  print('error-info', {
    code: missing.status.code, message: missing.status.details, info: readErrorInfo(missing.status.metadata),
  });

  // More bytes than the stream's window holds, so that a reader who stops keeps the stream open.
  const content = 'x'.repeat(9000);
  const more = await Promise.all(Array.from({ length: 30 }, (_, i) => unary(posts, 'CreatePost', { title: `post ${i}`, content }, acting)));
  const created30 = more.map(({ response }) => response.post.id);
  const all = await streamAll({});
  print('server-streaming', { code: all.code, count: all.ids.length, hasAll: [id, ...created30].every((one) => all.ids.includes(one)) });
  const limited = await streamAll({ limit: { value: 7 } });
  print('server-streaming-limited', { code: limited.code, count: limited.ids.length });

  // The password hash alone takes longer than this.
  const late = await unary(users, 'Register', { name: 'too-late', password: 'correct horse battery' }, new grpc.Metadata(), within(5));
  print('deadline', { code: late.status.code });

  print('cancel', await cancelAfterFirst());

  const unknown = await new Promise((resolve) => {
    posts.makeUnaryRequest('/feedmall.feed.v1.Posts/Nope', (value) => value, (value) => value, Buffer.alloc(0),
      (error) => resolve(error));
  });
  print('unknown-method', { code: unknown.code });

  const whole = await unary(health, 'Check', { service: '' });
  const one = await unary(health, 'Check', { service: 'feedmall.feed.v1.Posts' });
  const none = await unary(health, 'Check', { service: 'nope' });
  print('health', { whole: whole.response.status, one: one.response.status, none: none.status.code });
}

main().then(
  () => [users, posts, health].forEach((client) => client.close()),
  (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  });
