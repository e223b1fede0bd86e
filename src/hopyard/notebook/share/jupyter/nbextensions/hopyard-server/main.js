// How long this server may still run, and that it has ended, in the Classic Notebook; see the
// JupyterLab extension `hopyard-lab`.
define(['base/js/utils', 'nbextensions/hopyard-bar/main'], function (utils, bar) {
  'use strict';
  const NAME = 'hopyard-server';
  const WARN_MINUTES = [5, 15];
  const ASK_MS = 30_000;
  const ASK_AGAIN = 5_000; // once it does not answer: a short cut of the network is not told
  let warned = Infinity; // the least number of minutes that was warned of
  let lost = 0; // how often in a row it has not answered

  function ask(path, type) {
    const address = document.body.dataset.baseUrl + path;
    return utils.promising_ajax(address, { cache: false, type, dataType: 'json', timeout: 10_000 });
  }

  async function look() {
    try {
      const { seconds } = await ask('hopyard/time', 'GET');
      answered();
      warn(seconds);
    } catch {
      // Where only the platform does not answer, this server still does.
      await ask('api', 'GET').then(answered, missed);
    }
    setTimeout(look, lost ? ASK_AGAIN : ASK_MS);
  }

  function answered() {
    if (lost > 1) bar.show(NAME, '');
    lost = 0;
  }

  function missed() {
    lost += 1;
    if (lost !== 2) return;
    warned = Infinity;
    const project = document.body.dataset.baseUrl.split('/').at(-2);
    bar.show(
      NAME,
      'This Jupyter server does not answer. It has ended, or the network is cut. The project’s page ' +
        'says what happened, and starts it again. What is not saved is still in this tab: leave it ' +
        'open to save it then.',
      { label: 'Open the project’s page', href: `/projects/${project}/jupyter` }
    );
  }

  function warn(seconds) {
    const due = seconds === null ? undefined : WARN_MINUTES.find(it => seconds <= it * 60);
    if (due === undefined && warned < Infinity) {
      warned = Infinity;
      bar.show(NAME, ''); // more time was given elsewhere
    }
    if (due === undefined || due >= warned) return;
    warned = due;
    const minutes = Math.max(1, Math.ceil(seconds / 60));
    const words = minutes === 1 ? 'a minute' : `${minutes} minutes`;
    bar.show(
      NAME,
      `This Jupyter server is stopped in ${words}: its time is up then. Save your work.`,
      { label: '6 hours more', press: extend }
    );
  }

  async function extend() {
    try {
      warn((await ask('hopyard/time', 'POST')).seconds);
    } catch (error) {
      const reason = error.xhr?.responseJSON?.reason || error.message;
      bar.show(NAME, `No more time: ${reason}`, { label: 'Try again', press: extend });
    }
  }

  return { load_ipython_extension: look };
});
