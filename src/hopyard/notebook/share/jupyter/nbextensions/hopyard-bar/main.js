// A line above the page of the Classic Notebook: what is to be known, and what can be done.
define(['base/js/namespace'], function (Jupyter) {
  'use strict';

  // Show a line in the place of the one of the same name; without words, none. An action is a link
  // (`href`) or a button (`press`).
  function show(name, words, action) {
    document.getElementById(name)?.remove();
    if (!words) return;
    const bar = document.createElement('div');
    bar.id = name;
    bar.className = 'alert alert-warning';
    bar.setAttribute('role', 'status');
    bar.style.margin = '0';
    const close = document.createElement('button');
    close.className = 'close';
    close.setAttribute('aria-label', 'Close');
    close.textContent = '×';
    close.addEventListener('click', () => bar.remove());
    bar.append(close, `${words} `, action.href ? link(action) : button(action));
    document.getElementById('header').prepend(bar);
    Jupyter.page?.show_header?.();
  }

  function link({ label, href }) {
    const made = document.createElement('a');
    Object.assign(made, { href, target: '_blank', rel: 'noopener', textContent: label });
    return made;
  }

  function button({ label, press }) {
    const made = document.createElement('button');
    made.className = 'btn btn-default btn-xs';
    made.textContent = label;
    made.addEventListener('click', press);
    return made;
  }

  return { show };
});
