// A bedside and a consumer of alerts in C++, in one file.
//
//     bedside send ENDPOINT STREAM SECONDS     sends simulated ECG to the acknowledged endpoint; nothing is lost
//     bedside watch EVENTS HISTORY [COUNT]     prints every alert, also those missed while the connection was broken
//
// With keys: KEY and SERVER_KEY in the environment hold this program's secret key and the daemon's public key, 40
// characters each, out of the files that `ecgmon keys generate` makes.
//
// It needs libzmq and protobuf (Debian: libzmq3-dev libprotobuf-dev protobuf-compiler g++):
//
//     protoc --cpp_out=. -I Sources/ECGWire ecg_monitor.proto
//     g++ -O2 -std=c++17 -I . -o bedside Docs/Examples/cpp/bedside.cpp ecg_monitor.pb.cc -lzmq -lprotobuf -lpthread

#include "ecg_monitor.pb.h"

#include <google/protobuf/util/json_util.h>
#include <zmq.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace wire = ecg_monitor::v1;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// A ZeroMQ socket of this process's one context.
class Socket {
public:
    Socket(int type) : handle(zmq_socket(context(), type)) {
        if (!handle) throw std::runtime_error(zmq_strerror(zmq_errno()));
        set(ZMQ_LINGER, 0);
        set(ZMQ_TCP_KEEPALIVE, 1);  // notices a daemon that vanished without a word
        set(ZMQ_TCP_KEEPALIVE_IDLE, 5);
        set(ZMQ_TCP_KEEPALIVE_INTVL, 5);
        set(ZMQ_TCP_KEEPALIVE_CNT, 2);
    }
    ~Socket() { zmq_close(handle); }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    void set(int option, int value) { check(zmq_setsockopt(handle, option, &value, sizeof value)); }
    void set(int option, const std::string& value) {
        check(zmq_setsockopt(handle, option, value.data(), value.size()));
    }

    void useKeys() {
        const char *secret = std::getenv("KEY"), *server = std::getenv("SERVER_KEY");
        if (!secret || !server) return;
        char own[41];
        check(zmq_curve_public(own, secret));
        for (auto [option, key] : {std::pair{ZMQ_CURVE_PUBLICKEY, (const char*)own}, {ZMQ_CURVE_SECRETKEY, secret},
                                   {ZMQ_CURVE_SERVERKEY, server}}) {
            check(zmq_setsockopt(handle, option, key, 41));
        }
    }
    void connect(const std::string& endpoint) {
        useKeys();
        check(zmq_connect(handle, endpoint.c_str()));
    }
    /// False: there is no room, or no connection.
    bool send(const std::string& body) { return zmq_send(handle, body.data(), body.size(), ZMQ_DONTWAIT) >= 0; }

    /// The frames of the next message; none if there is none in this time.
    std::vector<std::string> receive(std::chrono::milliseconds timeout) {
        std::vector<std::string> frames;
        if (!poll(timeout)) return frames;
        int more = 1;
        while (more) {
            zmq_msg_t message;
            zmq_msg_init(&message);
            if (zmq_msg_recv(&message, handle, 0) < 0) {
                zmq_msg_close(&message);
                return {};
            }
            frames.emplace_back(static_cast<char*>(zmq_msg_data(&message)), zmq_msg_size(&message));
            more = zmq_msg_more(&message);
            zmq_msg_close(&message);
        }
        return frames;
    }
    bool poll(std::chrono::milliseconds timeout) {
        zmq_pollitem_t item{handle, 0, ZMQ_POLLIN, 0};
        return zmq_poll(&item, 1, timeout.count()) > 0;
    }
    void monitor(const char* address, int events) { check(zmq_socket_monitor(handle, address, events)); }

private:
    static void* context() {
        static void* context = zmq_ctx_new();
        return context;
    }
    static void check(int result) {
        if (result < 0) throw std::runtime_error(zmq_strerror(zmq_errno()));
    }
    void* handle;
};

/// Sends the samples of one stream and keeps each block until the daemon no longer needs it: the four rules of
/// ACKNOWLEDGED INGEST in ecg_monitor.proto.
class Acquisition {
public:
    Acquisition(const std::string& endpoint, std::string stream, double rate)
        : socket(ZMQ_DEALER), watch(ZMQ_PAIR), stream(std::move(stream)), rate(rate) {
        socket.set(ZMQ_IMMEDIATE, 1);  // nothing waits in a queue for a connection that is not there
        socket.monitor("inproc://acquisition", ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        watch.connect("inproc://acquisition");
        socket.connect(endpoint);
        session = std::chrono::duration_cast<std::chrono::nanoseconds>(
            std::chrono::system_clock::now().time_since_epoch()).count();
    }

    /// The next samples, in mV.
    void send(const std::vector<float>& millivolts) {
        wire::SampleBlock block;
        block.set_schema_version(1);
        block.set_stream(stream);
        block.set_session(session);
        block.set_lead("II");
        block.set_sampling_rate(rate);
        block.set_first_sample_index(position);
        block.set_acquisition_time_ns(session + std::llround(position * 1e9 / rate));
        block.mutable_millivolts()->Add(millivolts.begin(), millivolts.end());
        waiting.push_back({position, position + int64_t(millivolts.size()), block.SerializeAsString()});
        position += millivolts.size();
        work(0ms);
    }

    /// Reads the daemon's answers, and sends what may be sent. Call it at least about once a second.
    void work(std::chrono::milliseconds timeout) {
        for (auto frames = socket.receive(timeout); !frames.empty(); frames = socket.receive(0ms)) {
            wire::IngestReply reply;
            if (reply.ParseFromString(frames.back()) && reply.stream() == stream) take(reply);
        }
        while (!watch.receive(0ms).empty()) {  // rule 1: after every connect
            isReady = false;
            helloAt = {};
        }
        auto now = Clock::now();
        bool owes = !sent.empty() && sent.back().end > expected;
        if (isReady && owes && now - heardAt > patience) isReady = false;
        if (!isReady && !isDone() && now >= helloAt) sayHello(now);
        while (isReady && !waiting.empty() && (waiting.front().end <= limit || !owes)) {  // rule 3
            if (!socket.send(waiting.front().body)) break;
            sent.push_back(std::move(waiting.front()));
            waiting.pop_front();
            owes = true;
        }
    }

    bool isDone() const { return sent.empty() && waiting.empty(); }
    int64_t nextIndex() const { return position; }

private:
    struct Block {
        int64_t first, end;
        std::string body;
    };

    void sayHello(Clock::time_point now) {
        wire::SampleBlock hello;
        hello.set_schema_version(1);
        hello.set_stream(stream);
        hello.set_session(session);
        hello.set_hello_number(helloNumber + 1);
        if (!socket.send(hello.SerializeAsString())) return;
        helloNumber += 1;
        helloAt = now + patience;
        patience = std::min(2 * patience, std::chrono::seconds(64));
    }

    void take(const wire::IngestReply& reply) {
        static const std::set<std::string> retry{
            "hello_needed", "beyond_credit", "worker_queue_full", "too_many_streams", "stopping"};
        heardAt = Clock::now();
        if (retry.count(reply.cause())) {  // rule 4, but not at once: the daemon may be busy
            if (isReady) helloAt = heardAt + 100ms;
            isReady = false;
            return;
        }
        if (!reply.cause().empty()) {
            std::cerr << "refused: " << reply.cause() << " " << reply.text() << std::endl;
            for (auto block = sent.begin(); block != sent.end(); ++block) {
                if (block->first != reply.refused_sample_index()) continue;
                sent.erase(block);
                break;
            }
        }
        if (reply.session() > session) throw std::runtime_error("another source has begun a later session");
        bool isKnown = reply.session() == session;
        for (auto* queue : {&sent, &waiting}) {  // rule 2
            while (isKnown && !queue->empty() && queue->front().end <= reply.needed_from_sample_index()) {
                queue->pop_front();
            }
        }
        // To a daemon that has nothing of this session yet, everything that is kept is new.
        if (isKnown) {
            expected = reply.expected_sample_index();
        } else if (!isDone()) {
            expected = (sent.empty() ? waiting : sent).front().first;
        }
        limit = expected + std::max<int64_t>(0, reply.send_up_to_sample_index() - reply.expected_sample_index());
        if (!reply.answers_hello() || reply.hello_number() != helloNumber) return;
        isReady = true;
        patience = 2s;
        while (!sent.empty() && sent.back().end > expected) {
            waiting.push_front(std::move(sent.back()));
            sent.pop_back();
        }
    }

    Socket socket, watch;
    std::string stream;
    double rate;
    uint64_t session = 0;
    std::deque<Block> sent, waiting;
    int64_t position = 0, expected = 0, limit = 0;
    uint64_t helloNumber = 0;
    bool isReady = false;
    Clock::time_point helloAt{}, heardAt{};
    std::chrono::seconds patience = 2s;
};

/// Receives what is published under a prefix, and fetches what it missed: HISTORY in ecg_monitor.proto.
class Subscriber {
public:
    Subscriber(const std::string& events, const std::string& historyEndpoint, std::string prefix)
        : socket(ZMQ_SUB), history(ZMQ_DEALER), prefix(std::move(prefix)) {
        socket.set(ZMQ_SUBSCRIBE, this->prefix);
        socket.connect(events);
        history.set(ZMQ_IMMEDIATE, 1);
        history.connect(historyEndpoint);
    }

    /// The next event of each topic in order, each once.
    wire::Event next() {
        while (ready.empty()) {
            // A broken connection may have swallowed events without leaving a hole: look again from time to time.
            if (Clock::now() >= lookAt) lookAt = Clock::now() + (catchUp() ? 5s : 1s);
            auto frames = socket.receive(200ms);
            if (frames.size() < 2) continue;
            wire::Event event;
            if (!parse(frames[1], event)) continue;
            auto before = last[frames[0]];
            // Everything published is in the journal, too. So if it does not answer now, this event waits there.
            if (event.sequence() == before + 1) deliver(frames[0], event);
            else if (event.sequence() > before && !catchUp()) lookAt = {};
        }
        auto event = std::move(ready.front());
        ready.pop_front();
        return event;
    }

private:
    static bool parse(const std::string& body, wire::Event& event) {
        if (body.empty() || body[0] != '{') return event.ParseFromString(body);
        google::protobuf::util::JsonParseOptions options;
        options.ignore_unknown_fields = true;
        return google::protobuf::util::JsonStringToMessage(body, &event, options).ok();
    }

    void deliver(const std::string& topic, const wire::Event& event) {
        if (event.sequence() <= last[topic]) return;
        last[topic] = event.sequence();
        ready.push_back(event);
    }

    std::optional<wire::HistoryReply> ask(wire::HistoryRequest& request) {
        request.set_schema_version(1);
        request.set_number(++number);
        if (!history.send(request.SerializeAsString())) return {};
        for (auto frames = history.receive(2000ms); !frames.empty(); frames = history.receive(2000ms)) {
            wire::HistoryReply reply;
            if (!reply.ParseFromString(frames.back())) return {};
            if (reply.number() == number) return reply.error().empty() ? std::optional(reply) : std::nullopt;
        }
        return {};
    }

    /// False: the journal does not answer.
    bool catchUp() {
        uint64_t place = 0;
        bool more = true;
        while (more) {
            wire::HistoryRequest request;
            request.mutable_positions()->add_prefixes(prefix);
            request.mutable_positions()->set_since_place(place);
            auto reply = ask(request);
            if (!reply) return false;
            for (auto& position : reply->positions()) {
                if (!fetch(position.topic(), position.sequence())) return false;
            }
            more = reply->more() && reply->place() > place;
            place = reply->place();
        }
        return true;
    }

    bool fetch(const std::string& topic, uint64_t sequence) {
        if (sequence < last[topic]) last[topic] = 0;  // a new journal, which counts from 1
        while (last[topic] < sequence) {
            auto before = last[topic];
            wire::HistoryRequest request;
            auto* position = request.mutable_after()->add_positions();
            position->set_topic(topic);
            position->set_sequence(before);
            auto reply = ask(request);
            if (!reply) return false;
            for (auto& event : reply->events()) deliver(topic, event);
            if (last[topic] == before) break;
        }
        return true;
    }

    Socket socket, history;
    std::string prefix;
    std::map<std::string, uint64_t> last;
    std::deque<wire::Event> ready;
    uint64_t number = 0;
    Clock::time_point lookAt{};
};

/// Stands in for your converter: a sample in mV, of a regular heartbeat at 60/min.
static float converter(int64_t index, double rate) {
    double t = std::fmod(index / rate, 1.0), sum = 0;
    for (auto [height, centre, width] : {std::array{0.1, 0.25, 0.03}, {-0.15, 0.375, 0.01}, {1.0, 0.4, 0.012},
                                         {-0.2, 0.425, 0.01}, {0.25, 0.65, 0.05}}) {
        sum += height * std::exp(-std::pow((t - centre) / width, 2));
    }
    return sum;
}

int main(int count, char** arguments) try {
    std::vector<std::string> words(arguments + 1, arguments + count);
    if (words.size() == 4 && words[0] == "send") {
        const double rate = 250;
        Acquisition bed(words[1], words[2], rate);
        const auto total = int64_t(std::stod(words[3]) * rate);
        const auto start = Clock::now();
        while (bed.nextIndex() < total || !bed.isDone()) {
            double due = std::chrono::duration<double>(Clock::now() - start).count() * rate;
            while (bed.nextIndex() < total && bed.nextIndex() + 25 <= due) {
                std::vector<float> block;
                for (int n = 0; n < 25; ++n) block.push_back(converter(bed.nextIndex() + n, rate));
                bed.send(block);
            }
            bed.work(20ms);
        }
        std::cout << bed.nextIndex() << " samples sent, all acknowledged" << std::endl;
        return 0;
    }
    if (words.size() >= 3 && words[0] == "watch") {
        Subscriber subscriber(words[1], words[2], "alert.");
        const int limit = words.size() > 3 ? std::stoi(words[3]) : -1;
        for (int shown = 0; shown != limit; ++shown) {
            auto event = subscriber.next();
            std::cout << "alert." << event.stream() << " " << event.id() << " "
                      << wire::AlertPhase_Name(event.alert().phase()) << " " << event.alert().text() << std::endl;
        }
        return 0;
    }
    std::cerr << "bedside send ENDPOINT STREAM SECONDS | bedside watch EVENTS HISTORY [COUNT]\n";
    return 64;
} catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 1;
}
