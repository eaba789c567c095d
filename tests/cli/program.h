#pragma once
// Runs the built program as a user would: its own process, a clean environment, output and exit code caught.

#include <map>
#include <string>
#include <vector>

namespace roberta::cli_test {

struct Result {
  int code = -1;  ///< exit code; 128 + n when signal n ended it
  std::string out, err;
};

using Environment = std::map<std::string, std::string>;

/// Path of the program (ROBERTA_BIN, or beside the tests).
std::string program();
/// `input` is standard input, a file. Of this process's environment only PATH, HOME and ROBERTA_CPU are
/// handed on.
Result run(const std::vector<std::string>& arguments, const std::string& input = "",
           const Environment& environment = {});
/// A shell command in which $R is the program.
Result shell(const std::string& command, const Environment& environment = {});

/// A program with both ends of its pipes in our hands.
class Conversation {
 public:
  /// With `err`, standard error is heard instead of standard output.
  explicit Conversation(const std::vector<std::string>& arguments, const Environment& environment = {},
                        bool err = false);
  ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;
  void say(const std::string& text);
  /// The next line; "(nothing)" when none comes within ten seconds.
  std::string hear();
  void signal(int number);
  int finish();  ///< closes its input and waits; the code as in Result
  int wait();    ///< waits with the input open

 private:
  int pid_, to_, from_;
  std::string heard_;
};

/// A directory that is removed at the end.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  std::string path(const std::string& name) const { return root_ + "/" + name; }
  /// Writes a file and returns its path.
  std::string file(const std::string& name, const std::string& content) const;

 private:
  std::string root_;
};

std::string read_file(const std::string& path);

}  // namespace roberta::cli_test
