/*
 * server.js - peer (c): creating workspaces and adding members in Fastify
 * with ioredis.
 *
 *     node server.js <port> <redis socket> <partition> <directory of scripts>
 *
 * The same program as service.lua, which says what it guarantees and how.
 * ioredis' auto pipelining joins the commands of all requests of one turn of
 * the event loop into one write, and sends again what a broken connection has
 * left unanswered.  One process, no logger.
 */

'use strict';

const { createHash, randomUUID } = require('node:crypto');
const { readFileSync } = require('node:fs');
const Fastify = require('fastify');
const Redis = require('ioredis');

const [port, socket, partition, scripts] = process.argv.slice(2);

const script = (name) => readFileSync(`${scripts}/${name}.redis.lua`, 'utf8');
const redis = new Redis({
  path: socket,
  enableAutoPipelining: true,
  scripts: {
    createWorkspace: { lua: script('create'), numberOfKeys: 1 },
    addMember: { lua: script('add'), numberOfKeys: 1 },
  },
});
const app = Fastify({
  logger: false,
  genReqId: () => randomUUID().replaceAll('-', ''),
  routerOptions: { ignoreTrailingSlash: true },
});

const JSON_TYPE = 'application/json; charset=utf-8';
const TRIES = 16;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x1f\x7f]/;
const ROLE = /^[A-Za-z0-9_-]{1,64}$/;

const escape = encodeURIComponent;
const md5 = (text) => createHash('md5').update(text).digest('hex');
const isText = (value, most) => typeof value === 'string' && value !== ''
  && value.length <= most && !CONTROL.test(value);

// The text is needed for the fingerprint, too.
app.addContentTypeParser('application/json', { parseAs: 'string' },
  (request, text, done) => {
    try {
      done(null, { text, value: JSON.parse(text) });
    } catch (error) {
      error.statusCode = 400;
      done(error);
    }
  });

function answer(request, reply, status, body, revision) {
  reply.code(status)
    .header('Content-Type', JSON_TYPE)
    .header('Cache-Control', 'private, no-cache')
    .header('X-Request-ID', request.id);
  if (revision !== undefined) {
    reply.header('ETag', `"${revision}"`)
      .header('Workspace-Revision', String(revision));
  }
  return reply.send(body);
}

function refuse(request, reply, status, message) {
  return answer(request, reply, status, `{"message":"${message}"}`);
}

function memberJson(user, created, roles) {
  return `{"user":${JSON.stringify(user)},"roles":${
    JSON.stringify(roles.split(','))},"created":"${
    new Date(created).toISOString()}"}`;
}

// What every request has, or undefined when it is answered.
function readRequest(request, reply) {
  const tenant = request.headers['x-tenant'];
  const user = request.headers['x-user'];
  if (!tenant || !user) {
    refuse(request, reply, 401, 'authentication required');
    return undefined;
  }
  const name = request.headers['idempotency-key'];
  if (!name || name.length > 255) {
    refuse(request, reply, 400, 'Idempotency-Key is required');
    return undefined;
  }
  const { text, value } = request.body ?? {};
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    refuse(request, reply, 400, 'the body must be a JSON object');
    return undefined;
  }
  const prefix = `wsp:{${partition}}:${escape(tenant)}:`;
  return { user, text, body: value, prefix,
    key: `${prefix}k:${md5(`${user}\n${name}`)}` };
}

app.post('/api/workspaces', async (request, reply) => {
  const given = readRequest(request, reply);
  if (given === undefined) {
    return reply;
  }
  const { user, text, body, prefix, key } = given;

  const { name } = body;
  if (!isText(name, 255)) {
    return refuse(request, reply, 400, 'name must be 1 to 255 characters');
  }
  const labels = [...new Set(body.labels ?? [])];
  if (labels.length > 100 || !labels.every((each) => isText(each, 64))) {
    return refuse(request, reply, 400, 'labels must be an array of strings');
  }

  const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '').slice(0, 100) || 'workspace';
  const now = Date.now();
  const labelsJson = JSON.stringify(labels);
  const [status, made] = await redis.createWorkspace(key, prefix,
    md5(`create\n${text}`), now, user, escape(user), name, escape(name), slug,
    labelsJson, `","name":${JSON.stringify(name)},"logo":null,"labels":${
      labelsJson},"members":[${memberJson(user, now, 'admin,user')
    }],"invites":[]}`, ...labels.map(escape));
  if (status === 422) {
    return refuse(request, reply, 422,
      'this Idempotency-Key was used for another request');
  }
  return answer(request, reply, 200, made, 1);
});

app.post('/api/workspaces/:id(^\\d+$)/members', async (request, reply) => {
  const given = readRequest(request, reply);
  if (given === undefined) {
    return reply;
  }
  const { user, text, body, prefix, key } = given;

  const { id } = request.params;
  const { userId, roles } = body;
  if (!isText(userId, 255)) {
    return refuse(request, reply, 400, 'userId is required');
  }
  if (!Array.isArray(roles) || roles.length === 0 || roles.length > 32
      || !roles.every((role) => typeof role === 'string' && ROLE.test(role))) {
    return refuse(request, reply, 400, 'roles is required');
  }
  const joined = roles.join(',');
  const fingerprint = md5(`add ${id}\n${text}`);
  const recordKey = `${prefix}w:${id}`;

  for (let i = 0; i < TRIES; i++) {
    const [kept, [name, logo, labels, owner, rev], all, invites] =
      await Promise.all([
        redis.get(key),
        redis.hmget(recordKey, 'name', 'logo', 'labels', 'owner', 'rev'),
        redis.hgetall(`${recordKey}:m`),
        redis.hgetall(`${recordKey}:i`),
      ]);
    const mine = all[user];
    if (name === null || mine === undefined) {
      return refuse(request, reply, 404, 'workspace not found');
    }
    const own = mine.slice(mine.indexOf(' ') + 1).split(',');
    if (owner !== user && !own.includes('admin')) {
      return refuse(request, reply, 403,
        'workspace admin privileges required');
    }
    if (kept !== null) {
      if (kept.slice(0, 32) !== fingerprint) {
        return refuse(request, reply, 422,
          'this Idempotency-Key was used for another request');
      }
      const blank = kept.indexOf(' ');
      return answer(request, reply, 200, kept.slice(blank + 1),
        kept.slice(32, blank));
    }
    if (all[userId] !== undefined) {
      return refuse(request, reply, 400, 'already a member');
    }
    if (Object.keys(invites).length !== 0) {
      return refuse(request, reply, 501,
        'invitations are not part of this comparison');
    }

    const now = Date.now();
    const members = Object.entries(all).map(([who, stored]) => {
      const blank = stored.indexOf(' ');
      return [who, Number(stored.slice(0, blank)), stored.slice(blank + 1)];
    });
    members.sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1));
    members.push([userId, now, joined]);
    const shown = '{"message":"Member added successfully.","workspace":'
      + `{"_id":"${id}","name":${JSON.stringify(name)},"logo":${
        logo ? JSON.stringify(logo) : 'null'},"labels":${labels},"members":[${
        members.map((each) => memberJson(...each)).join(',')
      }],"invites":[]}}`;
    const revision = Number(rev) + 1;
    const done = await redis.addMember(key, prefix, id, rev, userId,
      escape(userId), `${now} ${joined}`,
      `${fingerprint}${revision} ${shown}`, ...roles);
    if (done !== 0) {
      return answer(request, reply, 200, shown, revision);
    }
  }
  return refuse(request, reply, 409,
    'others are changing the same at this moment');
});

app.listen({ port: Number(port), host: '127.0.0.1' }).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
