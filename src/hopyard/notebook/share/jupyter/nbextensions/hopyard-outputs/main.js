// Outputs outlive the browser, the page's side in the Classic Notebook.
//
// It does what the JupyterLab extension `hopyard-outputs` does; see there. Here the queue of
// messages simply waits while we ask, and a cell's own callbacks are registered for a run that
// another page had asked for.
define([
  'base/js/namespace',
  'base/js/utils',
  'notebook/js/codecell',
  'services/kernels/kernel'
], function (Jupyter, utils, codecell, kernels) {
  'use strict';
  const NUMBER = 'hopyard';
  const SAVE_AFTER = 2000;
  const ASK_AGAIN = 1500;
  const LOST_KERNEL = 3000;
  const Kernel = kernels.Kernel;
  const CodeCell = codecell.CodeCell;
  const adopted = new Map(); // msg_id of a run: the number up to which its cell shows it
  const timers = new Map();
  let seen = 0;
  let lacks = Infinity; // what came after this message has to be asked for
  let asking = null;
  let executing = null;

  // Each request to run a cell names the cell.
  const execute = CodeCell.prototype.execute;
  CodeCell.prototype.execute = function () {
    executing = this;
    try {
      return execute.apply(this, arguments);
    } finally {
      executing = null;
    }
  };
  const send = Kernel.prototype.send_shell_message;
  Kernel.prototype.send_shell_message = function (type, content, callbacks, metadata, buffers) {
    if (type === 'execute_request' && executing) {
      metadata = Object.assign({ cellId: executing.id }, metadata);
    }
    return send.call(this, type, content, callbacks, metadata, buffers);
  };

  const finish = Kernel.prototype._finish_ws_message;
  Kernel.prototype._finish_ws_message = async function (message) {
    const number = (message.metadata || {})[NUMBER];
    if (message.channel === 'iopub' && number) {
      const missing = seen && number > seen + 1;
      const since = seen;
      seen = Math.max(seen, number);
      if (missing) ask(this, since);
      if (asking) await asking;
      const id = (message.parent_header || {}).msg_id;
      if (number <= (adopted.get(id) || 0)) return undefined;
      keepNotebook(this, message, id);
    } else if (message.channel === 'stdin' && asking) {
      await asking;
    }
    return finish.call(this, message);
  };

  // A cell that runs for long: the notebook on disk must have it, or its outputs have no place.
  function keepNotebook(kernel, message, id) {
    const type = message.header.msg_type;
    if (type === 'execute_input') {
      const cell = adopted.has(id) && cellOf(id);
      if (cell) cell.recordedCount = message.content.execution_count;
      if (!kernel.get_callbacks_for_msg(id)) {
        if (message.parent_header.session !== kernel.session_id) setTimeout(() => ask(kernel), 0);
        return;
      }
      timers.set(id, setTimeout(save, SAVE_AFTER));
    } else if (type === 'status' && message.content.execution_state === 'idle') {
      clearTimeout(timers.get(id));
      timers.delete(id);
      const cell = adopted.has(id) && cellOf(id);
      if (cell) {
        cell.set_input_prompt(cell.recordedCount || null);
        cell.element.removeClass('running');
      }
    }
  }

  function save() {
    const notebook = Jupyter.notebook;
    if (notebook.dirty && notebook.writable) notebook.save_notebook();
  }

  // Ask for what was recorded after a message, and show it; the kernel's messages wait.
  function ask(kernel, since) {
    lacks = Math.min(lacks, since === undefined ? seen : since);
    if (!asking) {
      const from = lacks;
      lacks = Infinity;
      asking = recorded(kernel, from)
        .then(answer => show(kernel, answer))
        .catch(error => {
          console.warn('What was recorded cannot be asked for', error);
          lacks = Math.min(lacks, from);
          if (kernel.is_connected()) setTimeout(() => ask(kernel), ASK_AGAIN);
        })
        .then(() => {
          asking = null;
        });
    }
    return asking;
  }

  function recorded(kernel, since) {
    const notebook = Jupyter.notebook;
    const query = {
      path: notebook.notebook_path,
      kernel: kernel.id,
      session: kernel.session_id,
      since
    };
    const url = `${notebook.base_url}hopyard/runs?${new URLSearchParams(query)}`;
    // It shows the token against forged requests, without which JupyterHub answers nothing.
    return utils.promising_ajax(url, { cache: false, type: 'GET', dataType: 'json' });
  }

  function show(kernel, answer) {
    seen = Math.max(seen, answer.number);
    const notebook = Jupyter.notebook;
    const clean = !notebook.dirty;
    let elsewhere = true;
    for (const run of answer.runs) {
      const cell = notebook.get_cells().find(one => one.id === run.cell);
      if (!cell || cell.cell_type !== 'code') continue;
      const running = cell.element.hasClass('running');
      if (running && cell.last_msg_id && cell.last_msg_id !== run.id) continue; // run anew
      if (!run.elsewhere) elsewhere = false;
      // Its kernel is gone, its Spark statement goes on: nobody will tell us, so we ask.
      if (run.state !== 'done' && run.kernel !== kernel.id) {
        setTimeout(() => ask(kernel), LOST_KERNEL);
      }
      adopt(kernel, cell, run, answer.number);
    }
    if (clean && answer.runs.length && elsewhere) notebook.set_dirty(false);
  }

  function adopt(kernel, cell, run, number) {
    adopted.set(run.id, number);
    const area = cell.output_area;
    if (plain(area.toJSON()) !== plain(run.outputs)) {
      area.trusted = true;
      area.clear_output(false, true);
      run.outputs.forEach((output, index) => {
        const display = run.displays[index];
        const copy = Object.assign({}, output);
        if (display) copy.transient = { display_id: display };
        area.append_output(copy);
      });
    }
    const done = run.state === 'done';
    cell.recordedCount = run.count === null ? undefined : run.count;
    cell.element.toggleClass('running', !done);
    cell.set_input_prompt(done ? run.count : '*');
    if (!kernel.get_callbacks_for_msg(run.id) && !done) {
      if (cell.last_msg_id) delete CodeCell.msg_cells[cell.last_msg_id];
      cell.last_msg_id = run.id;
      CodeCell.msg_cells[run.id] = cell;
      kernel.set_callbacks_for_msg(run.id, cell.get_callbacks());
    }
    const callbacks = kernel.get_callbacks_for_msg(run.id);
    for (const display of run.displays) {
      if (!display || !callbacks) continue;
      const known = (kernel._display_id_to_parent_ids[display] =
        kernel._display_id_to_parent_ids[display] || []);
      if (!known.includes(run.id)) known.push(run.id);
    }
    if (run.asks) area.append_raw_input({ content: run.asks });
  }

  function cellOf(id) {
    return CodeCell.msg_cells[id];
  }

  function plain(outputs) {
    return JSON.stringify(outputs, (_, value) =>
      value && typeof value === 'object' && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
        : value
    );
  }

  function connected(kernel) {
    ask(kernel);
    setTimeout(() => ask(kernel), ASK_AGAIN);
  }

  function load_ipython_extension() {
    const events = Jupyter.notebook.events;
    events.on('kernel_connected.Kernel', (_, data) => connected(data.kernel));
    events.on('kernel_created.Session kernel_restarting.Kernel', () => {
      seen = 0;
      lacks = Infinity;
      adopted.clear();
    });
    const awake = () => {
      const kernel = Jupyter.notebook.kernel;
      if (!document.hidden && kernel && !kernel.is_connected()) kernel.reconnect();
    };
    window.addEventListener('online', awake);
    document.addEventListener('resume', awake);
    const kernel = Jupyter.notebook.kernel;
    if (kernel && kernel.is_connected()) connected(kernel);
  }

  return { load_ipython_extension };
});
