/*
 * service.js - peer (d): the decision in Fastify with ioredis, asked by
 * auth_request.
 *
 *     node service.js <port> <redis socket> <partition>
 *
 * Does the workspace exist, and is this user a member?  Two reads, which
 * ioredis' auto pipelining sends in one write with those of all requests of
 * one turn of the event loop.  The answer is the status alone: 204 allows,
 * 401 and 403 refuse; auth_request knows no other.  One process, no logger.
 *
 * In its favour: the partition in the key names is configured instead of
 * looked up, tenant and user are not escaped into the keys, of the record one
 * field is read instead of all, and nothing is made of roles and permissions.
 */

'use strict';

const Fastify = require('fastify');
const Redis = require('ioredis');

const [port, socket, partition] = process.argv.slice(2);

const redis = new Redis({ path: socket, enableAutoPipelining: true });
const app = Fastify({ logger: false });

const ID = /^[1-9]\d*$/;

app.get('/decide', async (request, reply) => {
  const tenant = request.headers['x-tenant'];
  const user = request.headers['x-user'];
  if (!tenant || !user) {
    return reply.code(401).send();
  }

  const workspace = request.headers['x-workspace-id'];
  if (workspace === undefined || !ID.test(workspace)) {
    return reply.code(403).send();
  }

  const key = `wsp:{${partition}}:${tenant}:w:${workspace}`;
  const [revision, membership] = await Promise.all([
    redis.hget(key, 'rev'),
    redis.hget(`${key}:m`, user),
  ]);
  const allowed = revision !== null && membership !== null;
  return reply.code(allowed ? 204 : 403).send();
});

app.listen({ port: Number(port), host: '127.0.0.1' }).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
