#pragma once
// Standard output: buffered, every write checked.

#include <string>
#include <string_view>

namespace roberta::cli {

/// The reader of standard output closed it (`roberta ... | head`); the program exits silently with 141.
struct BrokenPipe {};

/// Not thread safe. Throws Error(kResource) if standard output cannot be written (full disk), or BrokenPipe.
class Output {
 public:
  void write(std::string_view text);
  void flush();
  /// Flushes, then checks close(): a network file system may report a full disk only there.
  void close();

 private:
  std::string buffer_;
};

/// Prints the complete output and closes standard output.
void print_all(std::string_view text);

}  // namespace roberta::cli
