// Uses a RESP server as an application does, with a client that is not ours: node kv-client.js PORT [CERTIFICATE], the latter for TLS. Prints "name value" as JSON lines.
'use strict';
const Redis = require('ioredis');

const port = Number(process.argv[2]);
const tls = process.argv[3] && { ca: require('fs').readFileSync(process.argv[3]) };
const open = () => new Redis({ port, host: '127.0.0.1', tls, maxRetriesPerRequest: 1, retryStrategy: () => null });
const report = (name, value) => console.log(JSON.stringify({ name, value }));

async function run() {
  const client = open();
  await client.flushall();
  report('set', [await client.set('a', '1', 'EX', 100, 'NX'), await client.get('a'), await client.ttl('a') > 0, await client.incrby('a', 41)]);
  const binary = Buffer.from([0, 13, 10, 255, 0]);
  await client.set('binary', binary);
  report('binary', (await client.getBuffer('binary')).equals(binary));

  const pipeline = client.pipeline();
  for (let i = 0; i < 1000; i++) pipeline.rpush('list', `e${i}`);
  pipeline.llen('list').lrange('list', 0, 2).get('list');
  const replies = await pipeline.exec();
  report('pipeline', [replies.length, replies[999], replies[1000], replies[1001], replies[1002][0].message]);

  report('multi', await client.multi().set('m', '1').incr('m').hset('m', 'f', 'v').get('m').exec()
    .then(all => all.map(([error, value]) => (error ? error.message : value))));
  const other = open();
  await client.watch('w');
  await other.set('w', 'changed');
  report('watch', await client.multi().set('w', 'mine').exec());

  report('hash', [await client.hset('h', { one: '1', two: '2' }), await client.hgetall('h'), await client.hincrbyfloat('h', 'one', 1.5), await client.hmget('h', 'two', 'x'), await client.hdel('h', 'one', 'two'), await client.exists('h')]);
  report('set of members', [await client.sadd('s', 'a', 'b'), (await client.smembers('s')).sort(), await client.sismember('s', 'a'), await client.srem('s', 'a'), await client.spop('s')]);
  report('sorted set', [await client.zadd('z', 1, 'a', 2.5, 'b', '+inf', 'c'), await client.zrange('z', 0, -1, 'WITHSCORES'), await client.zrangebyscore('z', '(1', '+inf', 'LIMIT', 0, 1), await client.zrevrank('z', 'a'), await client.zincrby('z', 0.5, 'a'), await client.zpopmin('z')]);

  const members = new Set();
  await client.sadd('many', ...Array.from({ length: 5000 }, (_, i) => `m${i}`));
  for await (const found of client.sscanStream('many', { count: 100 })) found.forEach(member => members.add(member));
  report('scan', members.size);

  const listener = open();
  const heard = [];
  const all = new Promise(resolve => {
    listener.on('message', (channel, message) => heard.push([channel, message]));
    listener.on('pmessage', (pattern, channel, message) => { heard.push([pattern, channel, message]); if (message === 'last') resolve(); });
  });
  report('subscribe', [await listener.subscribe('news', 'other'), await listener.psubscribe('n*')]);
  await listener.get('x').catch(error => report('subscriber mode', error.message.split(':')[0]));
  report('publish', [await client.publish('news', 'first'), await client.publish('news', 'last')]);
  await all;
  report('heard', heard);
  report('unsubscribe', [await listener.unsubscribe('news', 'other'), await listener.punsubscribe('n*'), await listener.get('a')]);
  for (const each of [client, other, listener]) await each.quit();
}

run().catch(error => { console.error(error); process.exitCode = 1; });
