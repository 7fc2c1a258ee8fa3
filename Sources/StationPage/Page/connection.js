// The connection to the daemon: it signs in, comes back by itself, and knows when it is no longer live.

const silentAfter = 3000;
const longestPause = 8000;

export class Connection {
  /** `handlers`: message(object), state("connecting" | "live" | "stale" | "refused", since, isCut). */
  constructor(handlers) {
    this.handlers = handlers;
    this.state = "connecting";
    this.lastHeard = 0;
    this.pause = 500;
    this.wasLive = false;
    // The daemon answers, but is cut off from the cluster's brokers.
    this.isCut = false;
    this.socket = null;
    this.timer = setInterval(() => this.look(), 500);
    this.takeTokenFromAddress();
    this.open();
  }

  /** A token after # never reaches the server's log, and does not stay in the address. */
  takeTokenFromAddress() {
    const words = new URLSearchParams(location.hash.slice(1));
    const token = words.get("token");
    if (!token) return;
    sessionStorage.setItem("token", token);
    history.replaceState(null, "", location.pathname);
  }

  get token() { return sessionStorage.getItem("token") ?? ""; }

  signIn(token) {
    sessionStorage.setItem("token", token);
    this.pause = 500;
    this.open();
  }

  open() {
    clearTimeout(this.retry);
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/socket`);
    this.socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello", token: this.token }));
    socket.onmessage = (event) => {
      if (socket === this.socket) this.take(event.data);
    };
    socket.onclose = (event) => {
      if (socket === this.socket) this.ended(event.code);
    };
  }

  take(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    this.lastHeard = performance.now();
    if (message.type === "refused") return;
    this.pause = 500;
    if (message.type === "cut") return this.become("stale", true);
    this.become("live");
    this.handlers.message(message);
  }

  ended(code) {
    this.socket = null;
    if (code === 4401) {
      sessionStorage.removeItem("token");
      this.become("refused");
      return;
    }
    this.become(this.wasLive ? "stale" : "connecting");
    this.retry = setTimeout(() => this.open(), this.pause);
    this.pause = Math.min(longestPause, this.pause * 1.7);
  }

  /** What is open and says nothing is stale, too. */
  look() {
    if (this.state === "live" && performance.now() - this.lastHeard > silentAfter) {
      this.become("stale");
      // The socket may hang for minutes; a new one tells.
      const socket = this.socket;
      this.socket = null;
      socket?.close();
      this.open();
    }
  }

  become(state, isCut = false) {
    if (state === "live") this.wasLive = true;
    if (state === this.state && isCut === this.isCut) return;
    if (state === "stale" && this.state !== "stale") this.staleSince = new Date();
    this.state = state;
    this.isCut = isCut;
    this.handlers.state(state, this.staleSince, isCut);
  }

  send(message) {
    if (this.state !== "live" || this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }
}
