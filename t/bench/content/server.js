/*
 * server.js - peer (d): GET of one workspace in Fastify with ioredis.
 *
 *     node server.js <port> <redis socket> <partition>
 *
 * The same work as the module's for a plain member: identity from headers,
 * the workspace record and the caller's membership from Redis in one trip,
 * the decision, the JSON, the headers.  One process, no logger.  ioredis'
 * auto pipelining joins the commands of all requests of one turn of the event
 * loop into one write, which is what the module does too.  The JSON is
 * concatenated: faster here than a response schema, and the labels need not
 * be parsed.
 *
 * In its favour: the partition in the key names is configured instead of
 * looked up, tenant and user are not escaped into the keys, and the labels
 * are passed through as they are stored.
 */

'use strict';

const { randomUUID } = require('node:crypto');
const Fastify = require('fastify');
const Redis = require('ioredis');

const [port, socket, partition] = process.argv.slice(2);

const redis = new Redis({ path: socket, enableAutoPipelining: true });
const app = Fastify({
  logger: false,
  genReqId: () => randomUUID().replaceAll('-', ''),
  routerOptions: { ignoreTrailingSlash: true },
});

const JSON_TYPE = 'application/json; charset=utf-8';

function fail(request, reply, status, message) {
  return reply.code(status)
    .header('Content-Type', JSON_TYPE)
    .header('X-Request-ID', request.id)
    .send(`{"message":"${message}"}`);
}

app.get('/api/workspaces/:id(^\\d+$)', async (request, reply) => {
  const tenant = request.headers['x-tenant'];
  const user = request.headers['x-user'];
  if (!tenant || !user) {
    return fail(request, reply, 401, 'authentication required');
  }

  const id = request.params.id;
  const key = `wsp:{${partition}}:${tenant}:w:${id}`;
  const [[name, logo, labels, owner, rev], membership] = await Promise.all([
    redis.hmget(key, 'name', 'logo', 'labels', 'owner', 'rev'),
    redis.hget(`${key}:m`, user),
  ]);
  if (name === null || membership === null) {
    return fail(request, reply, 404, 'workspace not found');
  }

  // "<created ms> <role>,<role>"
  const blank = membership.indexOf(' ');
  const created = new Date(Number(membership.slice(0, blank)));
  const roles = membership.slice(blank + 1).split(',');
  if (owner === user || roles.includes('admin')) {
    return fail(request, reply, 501,
      'what admins see is not part of this comparison');
  }

  return reply
    .header('Content-Type', JSON_TYPE)
    .header('Cache-Control', 'private, no-cache')
    .header('ETag', `"${rev}"`)
    .header('X-Request-ID', request.id)
    .send(`{"_id":"${id}","name":${JSON.stringify(name)},"logo":${
      logo ? JSON.stringify(logo) : 'null'},"labels":${
      labels},"members":[{"user":${JSON.stringify(user)},"roles":${
      JSON.stringify(roles)},"created":"${
      created.toISOString()}"}],"invites":[]}`);
});

app.listen({ port: Number(port), host: '127.0.0.1' }).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
