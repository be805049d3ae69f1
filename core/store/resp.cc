#include "store/resp.h"

#include <hiredis/sds.h>

#include <charconv>
#include <cstring>
#include <memory>
#include <new>

namespace wsp {

namespace {

// What a reader keeps of the memory for input when all is read.
constexpr size_t most_idle_input = 64u << 10;

// '*' or '$', a number of up to 20 digits, CR LF
constexpr size_t length_line_max = 23;

char* put_length(char* at, char kind, size_t value) noexcept {
  *at++ = kind;
  if (value < 10) {
    *at++ = static_cast<char>('0' + value);
  } else {
    at = std::to_chars(at, at + 20, value).ptr;
  }
  *at++ = '\r';
  *at++ = '\n';
  return at;
}

size_t room_for(std::span<const std::string_view> parts) noexcept {
  size_t size = length_line_max;
  for (std::string_view part : parts) {
    size += length_line_max + part.size() + 2;
  }
  return size;
}

// Where there is room for it; returns its end.
char* write_command(char* at,
                    std::span<const std::string_view> parts) noexcept {
  at = put_length(at, '*', parts.size());
  for (std::string_view part : parts) {
    at = put_length(at, '$', part.size());
    if (!part.empty()) {
      std::memcpy(at, part.data(), part.size());
      at += part.size();
    }
    *at++ = '\r';
    *at++ = '\n';
  }
  return at;
}

}  // namespace

void put_command(buffer& out, std::span<const std::string_view> parts) {
  out.commit(write_command(out.reserve(room_for(parts)), parts));
}

void put_command(std::string& out, std::span<const std::string_view> parts) {
  size_t before = out.size();
  out.resize(before + room_for(parts));
  char* end = write_command(out.data() + before, parts);
  out.resize(static_cast<size_t>(end - out.data()));
}

namespace {

// No answer of ours has more; a corrupt one could ask for any amount.
constexpr long long most_elements = 1 << 20;

reply* place(const redisReadTask* task) noexcept {
  if (task->parent != nullptr) {
    auto* parent = static_cast<reply*>(task->parent->obj);
    if (parent == nullptr || task->idx < 0 ||
        static_cast<size_t>(task->idx) >= parent->count) {
      return nullptr;
    }
    return &parent->elements[task->idx];
  }
  try {
    return static_cast<arena*>(task->privdata)->make<reply>();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void* create_string(const redisReadTask* task, char* text, size_t size) {
  reply* made = place(task);
  if (made == nullptr) {
    return nullptr;
  }
  try {
    made->bytes =
        static_cast<arena*>(task->privdata)->copy({text, size});
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
  made->type =
      task->type == REDIS_REPLY_ERROR ? reply::error : reply::text;
  return made;
}

// hiredis 1.0 counts elements as size_t, 0.14 as int.
template <class Count>
void* create_array(const redisReadTask* task, Count elements) {
  auto count = static_cast<long long>(elements);
  reply* made = count < 0 || count > most_elements ? nullptr : place(task);
  if (made == nullptr) {
    return nullptr;
  }
  try {
    made->elements = static_cast<arena*>(task->privdata)
                         ->array<reply>(static_cast<size_t>(count));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
  made->count = static_cast<size_t>(count);
  made->type = reply::array;
  return made;
}

void* create_integer(const redisReadTask* task, long long value) {
  reply* made = place(task);
  if (made != nullptr) {
    made->type = reply::integer;
    made->number = value;
  }
  return made;
}

void* create_nil(const redisReadTask* task) { return place(task); }

void free_object(void*) {}  // it is the arena's

redisReplyObjectFunctions functions() noexcept {
  redisReplyObjectFunctions made{};
  made.createString = create_string;
  made.createArray = create_array;
  made.createInteger = create_integer;
  made.createNil = create_nil;
  made.freeObject = free_object;
  return made;
}

redisReplyObjectFunctions reply_functions = functions();

}  // namespace

redisReader* new_reader(arena& memory) noexcept {
  redisReader* reader = redisReaderCreateWithFunctions(&reply_functions);
  if (reader != nullptr) {
    reader->privdata = &memory;
    // hiredis would give back the memory of large replies by itself, and
    // abort when there is none for a small one: see renew_reader.
    reader->maxbuf = 0;
  }
  return reader;
}

redisReader* renew_reader(redisReader* reader, arena& memory) noexcept {
  // One that has read all bytes may be in the middle of a reply.
  if (reader->ridx >= 0 || reader->len != 0 ||
      sdsavail(reader->buf) <= most_idle_input) {
    return reader;
  }
  redisReader* fresh = new_reader(memory);
  if (fresh == nullptr) {
    return reader;
  }
  redisReaderFree(reader);
  return fresh;
}

namespace {

// Has the texts of `made` in one piece of memory; arrays in it are not looked
// into.
void own_texts(arena& memory, std::span<reply> made) {
  size_t size = 0;
  for (const reply& each : made) {
    size += each.bytes.size();
  }
  char* at = memory.bytes(size);
  for (reply& each : made) {
    if (!each.bytes.empty()) {
      std::memcpy(at, each.bytes.data(), each.bytes.size());
      each.bytes = {at, each.bytes.size()};
      at += each.bytes.size();
    }
  }
}

void own_elements(arena& memory, reply& made) {
  auto* elements = static_cast<reply*>(
      memory.allocate(made.count * sizeof(reply), alignof(reply)));
  std::uninitialized_copy_n(made.elements, made.count, elements);
  made.elements = elements;
  own_texts(memory, {elements, made.count});
  for (size_t i = 0; i < made.count; i++) {
    if (elements[i].type == reply::array) {
      own_elements(memory, elements[i]);
    }
  }
}

}  // namespace

reply copy_reply(arena& memory, const reply& from) {
  reply made = from;
  own_texts(memory, {&made, 1});
  if (made.type == reply::array) {
    own_elements(memory, made);
  }
  return made;
}

}  // namespace wsp
