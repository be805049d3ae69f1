#!/usr/bin/python3
"""Checks the OpenAPI documents in core/api.

  openapi.py documents SCHEMA    each against the rules of OpenAPI 3.1 (SCHEMA
                                 is its JSON Schema), its schemas against
                                 those of JSON Schema, its examples against
                                 its schemas, its references
  openapi.py answers FILE [--all]
                                 what the suites were answered (TEST_NGINX_
                                 ANSWERS, a line each) against the documents:
                                 status, headers, body; and what succeeded
                                 against what is said of requests.  --all:
                                 each operation must have succeeded

Prints lines of the Test Anything Protocol.  DOCUMENTS names another directory
than core/api.

An answer must hold no field that its schema does not name, whatever the
document says to clients of such fields.
"""

import copy
import functools
import json
import os
import re
import sys
from urllib.parse import unquote_to_bytes

try:
    from jsonschema import Draft202012Validator, FormatChecker, RefResolver
except ImportError:
    sys.exit('openapi.py needs python3-jsonschema')

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
DOCUMENTS = os.environ.get('DOCUMENTS', os.path.join(TOP, 'core', 'api'))
METHODS = ('get', 'put', 'post', 'delete', 'patch', 'head', 'options', 'trace')

# What `default` stands for: what nginx or a broken store makes of a request.
# All else is told by its number.
DEFAULT = {408, 413, 414, 429, 500, 502, 504}

# A media type as it is described, and as it is sent.
TYPES = {'application/json': 'application/json; charset=utf-8',
         'application/problem+json': 'application/problem+json'}

failures = 0


def ok(good, what, why=()):
    global failures
    failures += not good
    print(('ok - ' if good else 'not ok - ') + what)
    for line in why:
        print('#   ' + line)


# -- formats

formats = FormatChecker(formats=())


@formats.checks('date-time')
def is_time(value):
    return not isinstance(value, str) or bool(re.fullmatch(
        r'\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d(\.\d+)?Z', value))


@formats.checks('email')
def is_email(value):
    return not isinstance(value, str) or bool(
        re.fullmatch(r'[^@\s]+@[^@\s]+', value))


# -- documents

def walk(node, path=()):
    yield path, node
    items = (node.items() if isinstance(node, dict) else
             enumerate(node) if isinstance(node, list) else ())
    for key, value in items:
        yield from walk(value, path + (key,))


def is_schema_root(path):
    """components/schemas/X, or the schema of a parameter, header or body."""
    return (path[-1:] == ('schema',) or
            path[:2] == ('components', 'schemas') and len(path) == 3)


def close_objects(schema):
    """No fields but those named."""
    for _, node in walk(schema):
        if (isinstance(node, dict) and isinstance(node.get('properties'), dict)
                and not node.keys() & {'additionalProperties',
                                       'unevaluatedProperties'}):
            node['additionalProperties'] = False


class Document:
    def __init__(self, name):
        self.name = name
        with open(os.path.join(DOCUMENTS, name + '.json')) as file:
            self.tree = json.load(file)
        self.closed = copy.deepcopy(self.tree)
        for path, node in list(walk(self.closed)):
            if is_schema_root(path):
                close_objects(node)
        self.validators = {}
        self.seen = {}

    def resolve(self, node):
        while isinstance(node, dict) and '$ref' in node:
            node = self.at(node['$ref'])
        return node

    def at(self, ref):
        node = self.tree
        for part in ref.removeprefix('#/').split('/'):
            node = node[part.replace('~1', '/').replace('~0', '~')]
        return node

    def operations(self):
        for path, item in self.tree['paths'].items():
            for method in METHODS:
                if method in item:
                    yield method, path, item, item[method]

    def validator(self, schema, tree):
        return Draft202012Validator(
            schema, resolver=RefResolver('', tree), format_checker=formats)

    def wrong(self, value, pointer, closed):
        """What is wrong with a value by the schema at a path of keys."""
        key = (pointer, closed)
        if key not in self.validators:
            tree = self.closed if closed else self.tree
            schema = tree
            for part in pointer:
                schema = schema[part]
            self.validators[key] = self.validator(schema, tree)
        return ['/' + '/'.join(map(str, error.absolute_path)) + ': ' +
                error.message[:200]
                for error in self.validators[key].iter_errors(value)]


def names():
    return sorted(name.removesuffix('.json') for name in os.listdir(DOCUMENTS)
                  if name.endswith('.json'))


def check_document(document, rules):
    name, tree = document.name, document.tree
    ok(not (errors := [f'/{"/".join(map(str, error.absolute_path))}: '
                       f'{error.message[:200]}'
                       for error in rules.iter_errors(tree)]),
       f'{name} follows OpenAPI 3.1', errors)

    errors, used = [], set()
    for path, node in walk(tree):
        if isinstance(node, dict) and isinstance(node.get('$ref'), str):
            try:
                document.at(node['$ref'])
                used.add(node['$ref'])
            except (KeyError, TypeError):
                errors.append(f'{node["$ref"]} in {"/".join(map(str, path))}')
    ok(not errors, f'{name}: all references lead somewhere', errors)

    errors = [f'{kind}/{each}'
              for kind, group in tree.get('components', {}).items()
              if kind != 'securitySchemes' for each in group
              if f'#/components/{kind}/{each}' not in used]
    ok(not errors, f'{name}: all components are used', errors)

    errors = []
    for path, node in walk(tree):
        if is_schema_root(path):
            at = '/'.join(map(str, path))
            errors += [f'{at}: {error.message[:200]}' for error in
                       Draft202012Validator(Draft202012Validator.META_SCHEMA)
                       .iter_errors(node)]
            for inner, schema in walk(node):
                if isinstance(schema, dict) and isinstance(
                        schema.get('examples'), list):
                    errors += [f'{at}/{"/".join(map(str, inner))}: example: '
                               f'{error.message[:200]}'
                               for example in schema['examples']
                               for error in document.validator(schema, tree)
                               .iter_errors(example)]
    ok(not errors, f'{name}: schemas are valid, and so are their examples',
       errors)

    ids = [operation.get('operationId')
           for _, _, _, operation in document.operations()]
    ok(len(ids) == len(set(ids)), f'{name}: operation ids are unique')


def check_documents(schema):
    with open(schema) as file:
        rules = Draft202012Validator(json.load(file))
    for name in names():
        check_document(Document(name), rules)


# -- answers

# What makes a configuration answer otherwise than the dialect would.
FOREIGN = re.compile(r'\b(error_page|rewrite|return|try_files|auth_basic|'
                     r'proxy_pass|workspaces_access)\b')
LOCATION = re.compile(r'\blocation\s+(=\s*|\^~\s*|~\*?\s*)?'
                      r'("[^"]*"|\'[^\']*\'|[^\s{]+)\s*\{|([{}])|'
                      r'\bworkspaces\s+(\w+)\s*;|' + FOREIGN.pattern)


class Location:
    def __init__(self, how, path):
        self.how, self.path = how, path
        self.dialect, self.foreign = None, False


@functools.lru_cache(maxsize=64)
def locations_of(config):
    """The first one stands for what is in none."""
    found = [Location('=', '')]
    stack = [found[0]]
    for match in LOCATION.finditer(config):
        if match[2]:
            found.append(Location((match[1] or '').strip(),
                                  match[2].strip('\'"')))
            stack.append(found[-1])
        elif match[3] == '{':
            stack.append(stack[-1])
        elif match[3] == '}':
            stack = stack[:-1] or [found[0]]
        elif match[4]:
            stack[-1].dialect = match[4]
        else:
            stack[-1].foreign = True
    return found


def mount_of(config, path):
    """The mount that nginx chooses for a path: (its path, dialect), or None."""
    outside, *locations = locations_of(config)
    best = None
    for each in locations:
        if each.how.startswith('~'):
            if re.search(each.path, path):
                return None
        elif each.how == '=' and path == each.path:
            best = each
            break
        elif (each.how != '=' and path.startswith(each.path) and
              (best is None or len(each.path) >= len(best.path))):
            best = each
    if best is None or best.dialect is None or best.foreign or outside.foreign:
        return None
    return best.path.rstrip('/'), best.dialect


def operation_of(document, method, path):
    """The path in the document, or None: literal segments first."""
    if path and not path.startswith('/'):
        return None
    asked = [unquote_to_bytes(each).decode('latin-1')
             for each in path.removesuffix('/').split('/')[1:]]
    best = None
    for pattern in document.tree['paths']:
        wanted = pattern.rstrip('/').split('/')[1:]
        if len(wanted) == len(asked) and all(
                w == a or w.startswith('{') and a
                for w, a in zip(wanted, asked)):
            key = [w.startswith('{') for w in wanted]
            if best is None or key < best[0]:
                best = (key, pattern)
    return best[1] if best and method in document.tree['paths'][best[1]] \
        else None


def parts(request):
    head, _, body = request.partition('\r\n\r\n')
    line, _, _ = head.lstrip().partition('\r\n')
    words = line.split(' ')
    chunked = re.search(r'^transfer-encoding:', head, re.I | re.M)
    return (words[0], words[1], None if chunked else body) \
        if len(words) == 3 else (None, None, None)


def parsed(text):
    try:
        return True, json.loads(text.encode('latin-1'))
    except ValueError:
        return False, None


def check_success(document, pattern, method, body):
    """What is wrong with a request that was answered with success."""
    operation = document.tree['paths'][pattern][method]
    if 'requestBody' not in operation or body is None:
        return []
    if body == '' and not operation['requestBody'].get('required', False):
        return []
    good, value = parsed(body)
    if not good:
        return ['the request, which succeeded, is not JSON']
    return ['the request, which succeeded: ' + error for error in
            document.wrong(value, ('paths', pattern, method, 'requestBody',
                                   'content', 'application/json', 'schema'),
                           False)]


def pointer_of(document, pattern, method, status):
    """Where the answer is described: a path of keys, or None."""
    responses = document.tree['paths'][pattern][method]['responses']
    key = str(status)
    if key not in responses:
        if status not in DEFAULT or 'default' not in responses:
            return None
        key = 'default'
    pointer = ('paths', pattern, method, 'responses', key)
    node = responses[key]
    while '$ref' in node:
        pointer = tuple(node['$ref'].removeprefix('#/').split('/'))
        node = document.at(node['$ref'])
    return pointer


def check_headers(document, response, headers):
    wrong = []
    for name, header in response.get('headers', {}).items():
        header = document.resolve(header)
        values = headers.get(name.lower(), [])
        if not values and header.get('required'):
            wrong.append(f'no header {name}')
        for value in values:
            schema = document.resolve(header['schema'])
            if schema.get('type') == 'integer':
                value = int(value) if value.isdigit() else value
            wrong += [f'{name}: {error.message[:200]}' for error in
                      document.validator(schema, document.tree)
                      .iter_errors(value)]
    return wrong


def check_answer(document, pattern, method, record):
    """What is wrong with an answer to an operation."""
    status = record['status']
    pointer = pointer_of(document, pattern, method, status)
    if pointer is None:
        return [f'{status} is not described']
    response = document.tree
    for part in pointer:
        response = response[part]
    wrong = check_headers(document, response, record['headers'])
    content = response.get('content')
    if content is None:
        return wrong + (['a body'] if record['body'] else [])
    kind, = content
    return wrong + check_body(
        document, pointer + ('content', kind, 'schema'), record, kind)


def check_body(document, pointer, record, wanted):
    if record['method'] == 'HEAD':
        return ['a body'] if record['body'] else []
    kind = record['headers'].get('content-type', [''])[0]
    if kind != TYPES[wanted]:
        return [f'Content-Type: {kind}']
    good, value = parsed(record['body'])
    return document.wrong(value, pointer, True) if good else ['not JSON']


def check_unrouted(document, record):
    """A path that no route has: in the shape of the dialect's errors."""
    schemas = document.tree['components']['schemas']
    name, kind = (('Error', 'application/json') if 'Error' in schemas else
                  ('Problem', 'application/problem+json'))
    return check_body(document, ('components', 'schemas', name), record, kind)


def check_record(documents, record):
    """(document, operation or None, what is wrong), or None: not of a mount."""
    method, target, sent = parts(record['request'])
    if method is None or not target.startswith('/'):
        return None
    if record['status'] < 200 or 'content-encoding' in record['headers']:
        return None
    # nginx refuses some before a location is chosen
    if record['status'] == 400 and 'x-request-id' not in record['headers']:
        return None
    path = target.partition('?')[0]
    plain = unquote_to_bytes(path).decode('latin-1')
    mount, dialect = mount_of(record['config'], plain) or (None, None)
    if dialect not in documents:
        return None
    # what nginx would resolve first
    if not path.startswith(mount) or re.search(r'//|/\.', plain):
        return None
    record['method'] = method
    document = documents[dialect]
    asked = 'get' if method == 'HEAD' else method.lower()
    pattern = operation_of(document, asked, path[len(mount):])
    if pattern is None:
        wrong = check_unrouted(document, record)
        if 200 <= record['status'] < 400:
            wrong.append(f'{record["status"]} where nothing is described')
        return document, None, wrong
    wrong = check_answer(document, pattern, asked, record)
    if record['status'] < 300:
        wrong += check_success(document, pattern, asked, sent)
    return document, (asked, pattern), wrong


def check_answers(file, complete):
    documents = {name: Document(name) for name in names()}
    counts = {name: 0 for name in documents}
    succeeded = set()
    bad = {name: [] for name in documents}
    with open(file) as lines:
        for line in lines:
            record = json.loads(line)
            checked = check_record(documents, record)
            if checked is None:
                continue
            document, operation, wrong = checked
            counts[document.name] += 1
            if operation and record['status'] < 300:
                succeeded.add((document.name,) + operation)
            if wrong:
                bad[document.name].append(
                    (record, operation or ('', 'no operation'), wrong))
    for name, document in documents.items():
        for record, (method, pattern), wrong in bad[name]:
            ok(False, f'{name}: {method.upper()} {pattern} answers '
               f'{record["status"]} as described',
               [record['block'], record['request'].partition('\r\n')[0],
                repr(record['body'][:300])] + wrong)
        if counts[name]:
            ok(not bad[name], f'{name}: {counts[name] - len(bad[name])} of '
               f'{counts[name]} answers are as described')
        for method, path, _, operation in document.operations():
            if complete and (name, method, path) not in succeeded:
                ok(False, f'{name}: {operation["operationId"]} was seen')


def main():
    if sys.argv[1:2] == ['documents'] and len(sys.argv) == 3:
        check_documents(sys.argv[2])
    elif sys.argv[1:2] == ['answers'] and len(sys.argv) in (3, 4):
        check_answers(sys.argv[2], sys.argv[3:] == ['--all'])
    else:
        sys.exit(__doc__)
    sys.exit(1 if failures else 0)


main()
