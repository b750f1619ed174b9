// LMDB writes a copy to a descriptor and says nothing until it is done. Given one end of a pair of
// sockets it can be watched, be ended half-way, and the errors of writing to the disk are ours to
// see. A pipe would not do: a child forked meanwhile has its ends too, and so nobody would ever
// find it closed, where a socket can be shut down.
#include "core/lmdb/compact_copy.h"

#include <lmdb.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>
#include <vector>

#include "core/lmdb/errors.h"

namespace oocmap {
namespace {

constexpr size_t kBuffer = size_t{1} << 20;

// A thread that handles no signal of the program's: they are for its own threads. SIGPIPE among
// them, which the shut down socket would send.
template <typename F>
std::thread quiet_thread(F&& body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread thread(std::forward<F>(body));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
}

class Source {
 public:
  Source(MDB_env* env, const std::string& target) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_) != 0) {
      throw_system("copy to", target, errno);
    }
    try {
      thread_ = quiet_thread([this, env] {
        code_ = mdb_env_copyfd2(env, ends_[1], MDB_CP_COMPACT);
        shutdown(ends_[1], SHUT_WR);
      });
    } catch (const std::system_error& error) {
      close_ends();
      throw_system("copy to", target, error.code().value());
    } catch (...) {
      close_ends();
      throw;
    }
  }
  ~Source() {
    finish();
    close_ends();
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // 0 at the end.
  size_t receive(char* to, size_t size, const std::string& target) {
    for (;;) {
      const ssize_t got = recv(ends_[0], to, size, 0);
      if (got >= 0) return static_cast<size_t>(got);
      if (errno != EINTR) throw_system("copy to", target, errno);
    }
  }

  // Ends the copy where it is not done. Returns LMDB's code.
  int finish() noexcept {
    shutdown(ends_[0], SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    return code_;
  }

 private:
  void close_ends() noexcept {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  int ends_[2] = {-1, -1};
  int code_ = 0;  // the thread's, until it is joined
  std::thread thread_;
};

void write_all(int fd, const char* data, size_t size, const std::string& target) {
  while (size > 0) {
    const ssize_t done = ::write(fd, data, size);
    if (done < 0) {
      if (errno == EINTR) continue;
      throw_system("write", target, errno);
    }
    if (done == 0) throw_system("write", target, ENOSPC);
    data += done;
    size -= static_cast<size_t>(done);
  }
}

}  // namespace

int copy_compact(MDB_env* env, int fd, const std::string& target, uint64_t expected,
                 const CopyProgress& progress, uint64_t& bytes) {
  std::vector<char> buffer(kBuffer);
  Source source(env, target);
  bytes = 0;
  while (const size_t got = source.receive(buffer.data(), buffer.size(), target)) {
    write_all(fd, buffer.data(), got, target);
    bytes += got;
    if (progress) progress(bytes, std::max(bytes, expected));
  }
  const int code = source.finish();
  if (code == 0 && progress) progress(bytes, bytes);
  return code;
}

}  // namespace oocmap
