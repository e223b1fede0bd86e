// What is left to do in Git, in the Classic Notebook; see the JupyterLab extension `hopyard-lab`.
define(['base/js/namespace', 'base/js/utils'], function (Jupyter, utils) {
  'use strict';
  const ASK_MS = 60_000;
  let known = '';

  function show(said) {
    document.getElementById('hopyard-git')?.remove();
    if (!said.text) return;
    const bar = document.createElement('div');
    bar.id = 'hopyard-git';
    bar.className = 'alert alert-warning';
    bar.setAttribute('role', 'status');
    bar.style.margin = '0';
    const link = document.createElement('a');
    link.href = said.address;
    link.target = '_blank';
    link.rel = 'noopener';
    link.textContent = 'Open the Jupyter page';
    const close = document.createElement('button');
    close.className = 'close';
    close.setAttribute('aria-label', 'Close');
    close.textContent = '×';
    close.addEventListener('click', () => bar.remove());
    bar.append(close, `Git: ${said.text} `, link);
    document.getElementById('header').prepend(bar);
    Jupyter.page?.show_header?.();
  }

  async function look() {
    const base = document.body.dataset.baseUrl;
    const said = await utils.promising_ajax(`${base}hopyard/git`, {
      cache: false,
      type: 'GET',
      dataType: 'json'
    });
    if (said.id === known) return;
    known = said.id;
    show(said);
  }

  function load_ipython_extension() {
    const again = () => look().catch(error => console.warn('hopyard-git', error));
    again();
    setInterval(again, ASK_MS);
    document.addEventListener('visibilitychange', () => document.hidden || again());
  }

  return { load_ipython_extension };
});
