// What is left to do in Git, in the Classic Notebook; see the JupyterLab extension `hopyard-lab`.
define(['base/js/utils', 'nbextensions/hopyard-bar/main'], function (utils, bar) {
  'use strict';
  const ASK_MS = 60_000;
  let known = '';

  async function look() {
    const base = document.body.dataset.baseUrl;
    const said = await utils.promising_ajax(`${base}hopyard/git`, {
      cache: false,
      type: 'GET',
      dataType: 'json'
    });
    if (said.id === known) return;
    known = said.id;
    const action = { label: 'Open the Jupyter page', href: said.address };
    bar.show('hopyard-git', said.text && `Git: ${said.text}`, action);
  }

  function load_ipython_extension() {
    const again = () => look().catch(error => console.warn('hopyard-git', error));
    again();
    setInterval(again, ASK_MS);
    document.addEventListener('visibilitychange', () => document.hidden || again());
  }

  return { load_ipython_extension };
});
