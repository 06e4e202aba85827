// SPDX-License-Identifier: Apache-2.0
#include "net/unix_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/escape.h"

namespace kintsugi::net {
namespace {

static_assert(kMaxUnixPathBytes + 1 == sizeof(sockaddr_un::sun_path));

/// Closes what it holds.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }

 private:
  const int number_;
};

std::string shown(const std::string& path) {
  return escape(path, kMaxUnixPathBytes * 2);
}

tl::unexpected<Error> trouble(const std::string& what, int error, const std::string& path) {
  return fail(make_error(ErrorCode::kUnavailable, what + ": " + std::generic_category().message(error))
                  .on(shown(path)));
}

tl::unexpected<Error> in_use(const std::string& path) {
  return fail(make_error(ErrorCode::kUnavailable, "the socket is in use: somebody answers on it")
                  .on(shown(path))
                  .advise("choose another path, or stop the process that listens there"));
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

int open_socket() {
  return ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/// Takes away what a process left that is gone. Only under the directory's lock.
Result<void> clear_stale(const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    return errno == ENOENT ? Result<void>() : trouble("cannot look at the socket's path", errno, path);
  }
  if (!S_ISSOCK(status.st_mode)) {
    return fail(make_error(ErrorCode::kInvalidInput, "there is something else than a socket")
                    .on(shown(path))
                    .advise("choose another path, or move it away"));
  }
  const Descriptor probe(open_socket());
  if (probe.get() < 0) return trouble("cannot make a socket", errno, path);
  const sockaddr_un address = address_of(path);
  const bool answers =
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  if (answers || errno == EAGAIN) return in_use(path);  // EAGAIN: somebody listens and has a full queue
  if (errno == ENOENT) return {};
  if (errno != ECONNREFUSED) return trouble("cannot tell whether the socket is in use", errno, path);
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return trouble("cannot replace the socket that nobody answers on", errno, path);
}

}  // namespace

Result<void> check_unix_path(const std::string& path) {
  std::string problem;
  if (path.empty()) problem = "the path of a unix socket is empty";
  if (path.find('\0') != std::string::npos) problem = "the path of a unix socket has a zero byte";
  if (path.size() > kMaxUnixPathBytes) {
    problem = "the path of a unix socket has " + std::to_string(path.size()) + " bytes, more than the " +
              std::to_string(kMaxUnixPathBytes) + " that the kernel has room for";
  }
  if (problem.empty()) return {};
  return fail(make_error(ErrorCode::kInvalidInput, problem).on(shown(path)));
}

Result<std::unique_ptr<UnixSocketFile>> UnixSocketFile::listen(const std::string& path) {
  if (auto checked = check_unix_path(path); !checked) return fail(std::move(checked).error());
  // Between the look at a stale socket and its replacement nobody else may do the same.
  const Descriptor directory(::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) return trouble("cannot open the socket's directory", errno, path);
  if (::flock(directory.get(), LOCK_EX | LOCK_NB) != 0)
    return trouble("another process is making a socket in this directory", errno, path);
  if (auto cleared = clear_stale(path); !cleared) return fail(std::move(cleared).error());
  std::unique_ptr<UnixSocketFile> file(new UnixSocketFile(path, open_socket()));
  if (file->descriptor_ < 0) return trouble("cannot make a socket", errno, path);
  if (auto bound = file->bind(); !bound) return fail(std::move(bound).error());
  return file;
}

Result<void> UnixSocketFile::bind() {
  const sockaddr_un address = address_of(path_);
  if (::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return trouble("cannot make the socket", errno, path_);
  is_there_ = true;
  struct stat status{};
  if (::lstat(path_.c_str(), &status) != 0) return trouble("cannot find the socket again", errno, path_);
  device_ = status.st_dev;
  inode_ = status.st_ino;
  // The umask may have left the file open to others, but a connection is refused until somebody listens.
  if (::chmod(path_.c_str(), S_IRUSR | S_IWUSR) != 0)
    return trouble("cannot close the socket to others", errno, path_);
  if (::listen(descriptor_, SOMAXCONN) != 0) return trouble("cannot listen", errno, path_);
  return {};
}

UnixSocketFile::~UnixSocketFile() {
  remove();
  if (const int descriptor = take_descriptor(); descriptor >= 0) ::close(descriptor);
}

int UnixSocketFile::take_descriptor() {
  return descriptor_.exchange(-1);
}

void UnixSocketFile::remove() {
  if (!is_there_.exchange(false)) return;
  struct stat status{};
  const bool is_ours =
      ::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_;
  if (is_ours) ::unlink(path_.c_str());
}

}  // namespace kintsugi::net
