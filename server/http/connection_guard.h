#pragma once
// Of Connection's two source files.

#include "server/http/connection.h"

namespace roberta::server {

/// Runs a handler's body. What it throws (no memory, in the main) costs this connection, not the server.
template <class Action>
void Connection::guarded(Action action) {
  const std::shared_ptr<Connection> alive = shared_from_this();
  try {
    action();
  } catch (const std::exception&) {
    if (state_ == State::kWorking && scope_) scope_->cancel();
    close();
  }
}

}  // namespace roberta::server
