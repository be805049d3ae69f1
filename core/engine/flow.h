// flow<T>: the coroutine type of the core.
//
// A flow starts when it is awaited, lives in the arena of its operation (its
// first parameter), and is cancelled by destroying it: destructors run at the
// point where it waits.  An allocation that fails travels up as bad_alloc.
//
// GCC 12 destroys temporaries of an expression with co_await twice, or
// copies what should be moved.  await_transform therefore accepts only a
// named flow and trivially destructible awaiters, so that the bad forms do
// not compile:
//
//     auto reading = read_workspace(op, id);     // name the flow first
//     auto found = co_await reading;             // then await it
//
// Beside it: no capturing lambda, no ?: and no braced temporary in an
// expression with co_await; no structured binding of its result; parameters
// are values, arena views, or references to what outlives the flow.
#ifndef WORKSPACES_ENGINE_FLOW_H
#define WORKSPACES_ENGINE_FLOW_H

#include <coroutine>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "engine/arena.h"

struct wsp_op;

namespace wsp {

arena& arena_of(::wsp_op& op) noexcept;

template <class T>
class [[nodiscard]] flow {
 public:
  struct promise_type;
  using handle = std::coroutine_handle<promise_type>;

  flow() noexcept = default;
  explicit flow(handle h) noexcept : handle_(h) {}
  flow(flow&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  flow& operator=(flow&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~flow() {
    if (handle_) {
      handle_.destroy();
    }
  }

  struct awaiter {
    handle child;
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(
        std::coroutine_handle<> parent) const noexcept {
      child.promise().parent = parent;
      return child;
    }
    T await_resume() const {
      promise_type& promise = child.promise();
      if (!promise.value) {
        throw std::bad_alloc();
      }
      return std::move(*promise.value);
    }
  };

  // For the one at the root: run until it waits or ends.
  void start() const { handle_.resume(); }
  bool done() const noexcept { return handle_.done(); }
  // Whether it ended with a value; it has none when memory ran out.
  bool has_value() const noexcept {
    return handle_.promise().value.has_value();
  }
  T& value() const noexcept { return *handle_.promise().value; }
  explicit operator bool() const noexcept { return bool(handle_); }

  struct promise_type {
    std::coroutine_handle<> parent = std::noop_coroutine();
    std::optional<T> value;

    template <class... Args>
    static void* operator new(size_t size, ::wsp_op& op, Args&&...) {
      return arena_of(op).allocate(size);
    }
    static void operator delete(void*, size_t) noexcept {}

    flow get_return_object() noexcept {
      return flow(handle::from_promise(*this));
    }
    std::suspend_always initial_suspend() const noexcept { return {}; }

    struct to_parent {
      bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(handle ended) const noexcept {
        return ended.promise().parent;
      }
      void await_resume() const noexcept {}
    };
    to_parent final_suspend() const noexcept { return {}; }

    // Nothing but bad_alloc is thrown in the core; the absent value says so.
    void unhandled_exception() const noexcept {}

    template <class U>
    void return_value(U&& v) {
      value.emplace(std::forward<U>(v));
    }

    template <class U>
    auto await_transform(flow<U>& child) noexcept ->
        typename flow<U>::awaiter {
      return {child.handle_};
    }
    template <class U>
    void await_transform(flow<U>&&) = delete;
    template <class A>
    A await_transform(A awaiter) noexcept {
      static_assert(std::is_trivially_destructible_v<A>);
      return awaiter;
    }
  };

 private:
  template <class>
  friend class flow;
  handle handle_;
};

}  // namespace wsp

#endif  // WORKSPACES_ENGINE_FLOW_H
