#include "store/kept_reply.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace wsp {

namespace {

bool is_flat(const reply& from) noexcept {
  for (const reply& each : from.items()) {
    if (each.type == reply::array) {
      return false;
    }
  }
  return true;
}

void move_text(char*& to, reply& made) noexcept {
  if (!made.bytes.empty()) {
    std::memcpy(to, made.bytes.data(), made.bytes.size());
    made.bytes = {to, made.bytes.size()};
    to += made.bytes.size();
  }
}

}  // namespace

size_t kept_reply::size_of(const reply& from) noexcept {
  size_t size = sizeof(kept_reply) + from.bytes.size();
  for (const reply& each : from.items()) {
    size += sizeof each + each.bytes.size();
  }
  return size;
}

kept_reply* kept_reply::copy_of(const reply& from) noexcept {
  void* block = is_flat(from) ? std::malloc(size_of(from)) : nullptr;
  if (block == nullptr) {
    return nullptr;
  }
  auto* made = new (block) kept_reply();
  auto* elements = reinterpret_cast<reply*>(made + 1);
  char* texts = reinterpret_cast<char*>(elements + from.items().size());
  made->value_ = from;
  move_text(texts, made->value_);
  size_t i = 0;
  for (const reply& each : from.items()) {
    move_text(texts, *new (elements + i++) reply(each));
  }
  if (from.type == reply::array) {
    made->value_.elements = elements;
  }
  return made;
}

kept_reply::~kept_reply() {
  if (made_ != nullptr) {
    made_->release();
  }
}

void kept_reply::release() noexcept {
  if (--users_ == 0) {
    this->~kept_reply();
    std::free(this);
  }
}

kept_replies::~kept_replies() {
  for (node* each = first_; each != nullptr; each = each->next) {
    each->used->release();
  }
}

}  // namespace wsp
