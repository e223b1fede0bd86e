// Outputs outlive the browser, the page's side in JupyterLab 4.
//
// The Jupyter server records what each cell prints and numbers every message of a kernel. When a
// notebook is opened, when its connection comes back, or when a number is missing, this asks for
// what was recorded. Cells that have news show it, and from then on their messages are applied
// here, by their numbers: no line is missing, none comes twice.
(function () {
  'use strict';
  const NAME = 'hopyard-outputs';
  const NUMBER = 'hopyard';
  const SAVE_AFTER = 2000; // a cell that runs longer than this: its notebook is saved
  const ASK_AGAIN = 1500;
  const LOST_KERNEL = 3000;
  const OUTPUTS = ['stream', 'display_data', 'execute_result', 'error'];
  let scope = null;

  async function shared(name) {
    const versions = scope && scope[name];
    if (!versions) throw new Error(`JupyterLab shares no ${name}`);
    const factory = await Object.values(versions)[0].get();
    return factory();
  }

  // One open notebook.
  class Watcher {
    constructor(lab, panel) {
      this.lab = lab;
      this.panel = panel;
      this.seen = 0; // the number of the last message that this page has got
      this.lacks = Infinity; // what came after this message has to be asked for
      this.adopted = new Map(); // runs whose messages are applied here, by msg_id
      this.held = null; // messages that came while we asked
      this.timers = new Map();
      const session = panel.sessionContext;
      session.iopubMessage.connect((_, message) => this.published(message));
      session.connectionStatusChanged.connect((_, status) => {
        if (status !== 'connected') return;
        this.ask();
        // The kernel's messages may begin a little later than the connection.
        this.askLater(ASK_AGAIN);
      });
      session.kernelChanged.connect(() => {
        this.seen = 0;
        this.lacks = Infinity;
        this.adopted.clear();
        this.ask();
      });
      this.wake = () => this.awake();
      window.addEventListener('online', this.wake);
      document.addEventListener('resume', this.wake);
      document.addEventListener('visibilitychange', this.wake);
      panel.disposed.connect(() => {
        window.removeEventListener('online', this.wake);
        document.removeEventListener('resume', this.wake);
        document.removeEventListener('visibilitychange', this.wake);
        this.timers.forEach(clearTimeout);
      });
      Promise.all([panel.context.ready, session.ready]).then(() => this.ask());
    }

    get kernel() {
      const session = this.panel.sessionContext.session;
      return session && session.kernel;
    }

    // The laptop wakes, the network is back: JupyterLab itself gives up after some tries.
    awake() {
      const kernel = this.kernel;
      if (document.hidden || !kernel || kernel.isDisposed) return;
      if (kernel.connectionStatus !== 'connected') kernel.reconnect().catch(() => undefined);
    }

    published(message) {
      const number = (message.metadata || {})[NUMBER];
      if (!number) return;
      const missing = this.seen && number > this.seen + 1;
      const since = this.seen;
      if (number > this.seen) this.seen = number;
      if (this.held) this.held.push(message);
      else if (missing) this.ask(since, message);
      else this.apply(message, number);
      this.keepNotebook(message);
    }

    // A cell that runs for long: the notebook on disk must have it, or its outputs have no place.
    keepNotebook(message) {
      const id = (message.parent_header || {}).msg_id;
      const type = message.header.msg_type;
      if (type === 'execute_input') {
        const kernel = this.kernel;
        const ours = kernel && message.parent_header.session === kernel.clientId;
        if (!ours) {
          if (!this.adopted.has(id)) this.ask();
          return;
        }
        this.timers.set(id, setTimeout(() => this.save(id), SAVE_AFTER));
      } else if (type === 'status' && message.content.execution_state === 'idle') {
        clearTimeout(this.timers.get(id));
        this.timers.delete(id);
      }
    }

    save(id) {
      this.timers.delete(id);
      const context = this.panel.context;
      if (context.model.dirty && context.canSave) context.save().catch(() => undefined);
    }

    // Ask for what was recorded after a message, and show it. Messages that come meanwhile are held.
    async ask(since = this.seen, first = null) {
      this.lacks = Math.min(this.lacks, since);
      if (this.held) {
        this.again = true;
        return;
      }
      const kernel = this.kernel;
      if (!kernel || !this.panel.content.model) return;
      this.held = first ? [first] : [];
      this.again = false;
      since = this.lacks;
      this.lacks = Infinity;
      let recorded = null;
      try {
        recorded = await this.recorded(kernel, since);
      } catch (error) {
        console.warn('What was recorded cannot be asked for', error);
      }
      const held = this.held;
      this.held = null;
      if (this.panel.isDisposed || kernel !== this.kernel) return;
      if (recorded) this.show(recorded, since);
      for (const message of held) this.apply(message, message.metadata[NUMBER]);
      if (!recorded) {
        this.lacks = Math.min(this.lacks, since);
        if (kernel.connectionStatus === 'connected') this.askLater(ASK_AGAIN);
      } else if (this.again) this.ask();
    }

    askLater(milliseconds) {
      setTimeout(() => this.panel.isDisposed || this.ask(), milliseconds);
    }

    async recorded(kernel, since) {
      const { ServerConnection } = this.lab.services;
      const settings = ServerConnection.makeSettings();
      const path = this.panel.context.localPath;
      const query = { path, kernel: kernel.id, session: kernel.clientId, since };
      const url = `${settings.baseUrl}hopyard/runs?${new URLSearchParams(query)}`;
      const response = await ServerConnection.makeRequest(url, {}, settings);
      if (!response.ok) throw new ServerConnection.ResponseError(response);
      return response.json();
    }

    show(recorded, since) {
      this.seen = Math.max(this.seen, recorded.number);
      const context = this.panel.context;
      const clean = !context.model.dirty;
      let going = 0;
      let elsewhere = true;
      for (const run of recorded.runs) {
        const cell = this.cell(run.cell);
        if (!cell) continue;
        const future = this.future(cell);
        const ours = future && future.msg.header.msg_id === run.id && !future.isDisposed;
        const anew = future && !ours && !this.adopted.has(run.id);
        if (anew && cell.executionState === 'running') continue; // the user has run the cell anew
        if (run.state !== 'done' && !ours) going += 1;
        // Its kernel is gone, its Spark statement goes on: nobody will tell us, so we ask.
        if (run.state !== 'done' && run.kernel !== this.kernel.id) {
          this.askLater(LOST_KERNEL);
        }
        if (!run.elsewhere) elsewhere = false;
        this.adopt(run, cell, ours ? future : null, recorded.number);
      }
      // Where another page has the notebook too, that one saves it: no "File Changed" here.
      if (clean && recorded.runs.length && elsewhere) context.model.dirty = false;
      if (going && !since) {
        const one = going === 1;
        this.lab.apputils.Notification.info(
          `${one ? 'A cell is' : `${going} cells are`} still running: ` +
            `${one ? 'its' : 'their'} output goes on here.`,
          { autoClose: 5000 }
        );
      }
    }

    // Show a run as it was recorded, and take over what comes next.
    adopt(run, cell, future, number) {
      const outputs = cell.outputs;
      if (!this.lab.coreutils.JSONExt.deepEqual(outputs.toJSON(), run.outputs)) {
        cell.trusted = true;
        outputs.fromJSON(run.outputs);
      }
      const adopted = {
        cell,
        number,
        id: run.id,
        displays: run.displays.slice(),
        count: run.count,
        clears: false,
        future: this.future(cell)
      };
      this.adopted.set(run.id, adopted);
      if (future) future.onIOPub = () => undefined;
      if (run.state === 'done') this.finish(adopted, run);
      else {
        cell.executionCount = null;
        cell.executionState = 'running';
      }
      if (run.asks) this.askUser(adopted, run.asks, { msg_id: run.id });
    }

    finish(adopted, run) {
      const { cell, future } = adopted;
      if (future && !future.isDisposed && future.msg.header.msg_id === adopted.id) {
        // The kernel's answer may be lost with the connection; whoever waits for it goes on.
        const parent_header = future.msg.header;
        const say = (channel, msg_type, content) =>
          future.handleMsg({
            channel,
            content,
            parent_header,
            metadata: {},
            header: { ...parent_header, msg_type, msg_id: `${adopted.id}-${msg_type}` }
          });
        const status = run && run.count === null ? 'aborted' : 'ok';
        say('shell', 'execute_reply', { status, execution_count: adopted.count });
        say('iopub', 'status', { execution_state: 'idle' });
      }
      cell.executionState = 'idle';
      cell.executionCount = adopted.count;
    }

    apply(message, number) {
      const id = (message.parent_header || {}).msg_id;
      const type = message.header.msg_type;
      const content = message.content;
      const display = (content.transient || {}).display_id;
      if (display) this.update(display, content, number);
      const adopted = this.current(id);
      if (!adopted || number <= adopted.number) return;
      const outputs = adopted.cell.outputs;
      if (OUTPUTS.includes(type)) {
        if (adopted.clears) {
          adopted.clears = false;
          adopted.displays = [];
        }
        const { transient, ...output } = content;
        outputs.add({ ...output, output_type: type });
        adopted.displays[outputs.length - 1] = display || null;
      } else if (type === 'clear_output') {
        outputs.clear(content.wait);
        adopted.clears = content.wait;
        if (!content.wait) adopted.displays = [];
      } else if (type === 'execute_input') {
        adopted.count = content.execution_count;
      } else if (type === 'status' && content.execution_state === 'idle') {
        const future = adopted.future;
        if (!future || future.isDisposed || future.msg.header.msg_id !== id) this.finish(adopted);
      }
    }

    update(display, content, number) {
      for (const id of [...this.adopted.keys()]) {
        const adopted = this.current(id);
        if (!adopted || number <= adopted.number) continue;
        const { transient, execution_count, ...output } = content;
        adopted.displays.forEach((one, index) => {
          if (one !== display || index >= adopted.cell.outputs.length) return;
          adopted.cell.outputs.set(index, { ...output, output_type: 'display_data' });
        });
      }
    }

    // A run that is still its cell's: not deleted, not run anew.
    current(id) {
      const adopted = this.adopted.get(id);
      if (!adopted) return null;
      if (!adopted.cell.isDisposed && this.future(adopted.cell) === adopted.future) return adopted;
      this.adopted.delete(id);
      return null;
    }

    // Ask the user what the kernel asked for while its own page was away.
    askUser(adopted, content, parent_header) {
      const area = this.area(adopted.cell);
      if (!area || adopted.asked || area.pendingInput) return;
      adopted.asked = true;
      const kernel = this.kernel;
      const message = { content, parent_header, header: parent_header, channel: 'stdin' };
      area.onInputRequest(message, {
        sendInputReply: (reply, parent) => {
          adopted.asked = false;
          kernel.sendInputReply(reply, parent);
        }
      });
    }

    // An input request that the server hands on: its own page is gone.
    requested(message) {
      const id = (message.parent_header || {}).msg_id;
      const adopted = this.current(id);
      const future = adopted && adopted.future;
      if (!adopted || (future && !future.isDisposed && future.msg.header.msg_id === id)) return;
      this.askUser(adopted, message.content, message.parent_header);
    }

    cell(id) {
      for (const cell of this.panel.content.model.cells) {
        if (cell.id === id && cell.type === 'code') return cell;
      }
      return null;
    }

    area(cell) {
      const widget = this.panel.content.widgets.find(one => one.model === cell);
      return widget && widget.outputArea;
    }

    future(cell) {
      const area = this.area(cell);
      return (area && area.future) || null;
    }
  }

  const plugin = (lab, notebook) => ({
    id: `${NAME}:show`,
    description: 'Shows what cells printed while no page was open.',
    autoStart: true,
    requires: [notebook.INotebookTracker],
    activate: (app, tracker) => {
      const watch = panel => {
        const watcher = new Watcher(lab, panel);
        let kernel = null;
        const listen = () => {
          if (watcher.kernel === kernel || !watcher.kernel) return;
          kernel = watcher.kernel;
          kernel.anyMessage.connect((_, { msg, direction }) => {
            if (direction === 'recv' && msg.header.msg_type === 'input_request') {
              watcher.requested(msg);
            }
          });
        };
        panel.sessionContext.kernelChanged.connect(listen);
        listen();
      };
      tracker.forEach(watch);
      tracker.widgetAdded.connect((_, panel) => watch(panel));
    }
  });

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB[NAME] = {
    init: shareScope => {
      scope = shareScope;
    },
    get: async () => {
      const lab = {
        apputils: await shared('@jupyterlab/apputils'),
        coreutils: await shared('@lumino/coreutils'),
        services: await shared('@jupyterlab/services')
      };
      const notebook = await shared('@jupyterlab/notebook');
      const exported = { __esModule: true, default: plugin(lab, notebook) };
      return () => exported;
    }
  };
})();
