// A warning 15 and 5 minutes before this server's time is up, with a button for more time.
//
// Written by hand as `hopyard-classic` is; what a federated extension is, is said there.
(function () {
  'use strict';
  const NAME = 'hopyard-time';
  const WARN_MINUTES = [5, 15];
  const ASK_MS = 30_000;
  let scope = null;

  async function shared(name) {
    const versions = scope && scope[name];
    if (!versions) throw new Error(`JupyterLab shares no ${name}`);
    const factory = await Object.values(versions)[0].get();
    return factory();
  }

  const plugin = (apputils, coreutils, services) => ({
    id: `${NAME}:warn`,
    description: "Warns before the server's time is up.",
    autoStart: true,
    activate: app => {
      const { Notification } = apputils;
      const settings = app.serviceManager.serverSettings;
      const url = coreutils.URLExt.join(settings.baseUrl, 'hopyard/time');
      let warned = Infinity; // the least number of minutes that was warned of
      let shown = null;

      const ask = async method => {
        const answer = await services.ServerConnection.makeRequest(url, { method }, settings);
        const body = await answer.json().catch(() => ({}));
        if (!answer.ok) throw new Error(body.reason || body.message || answer.statusText);
        return body.seconds;
      };
      const hide = () => {
        if (shown) Notification.dismiss(shown);
        shown = null;
      };
      const extend = async () => {
        try {
          await ask('POST');
          warned = Infinity;
          hide();
          Notification.success('This Jupyter server has six hours more.', { autoClose: 5000 });
        } catch (error) {
          Notification.error(`No more time: ${error.message}`, { autoClose: false });
        }
      };
      const look = async () => {
        const seconds = await ask('GET');
        if (seconds === null || seconds > WARN_MINUTES[1] * 60) {
          warned = Infinity;
          hide(); // more time was given elsewhere
          return;
        }
        const due = WARN_MINUTES.find(minutes => seconds <= minutes * 60);
        if (due >= warned) return;
        warned = due;
        hide();
        const minutes = Math.max(1, Math.ceil(seconds / 60));
        const words = minutes === 1 ? 'a minute' : `${minutes} minutes`;
        shown = Notification.warning(
          `This Jupyter server is stopped in ${words}: its time is up then. Save your work.`,
          {
            autoClose: false,
            actions: [{ label: '6 hours more', displayType: 'accent', callback: extend }]
          }
        );
      };
      const again = () => look().catch(error => console.warn(`${NAME}: ${error.message}`));
      app.restored.then(again);
      setInterval(again, ASK_MS);
      // A laptop that wakes up does not wait for the next round.
      document.addEventListener('visibilitychange', () => document.hidden || again());
    }
  });

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB[NAME] = {
    init: shareScope => {
      scope = shareScope;
    },
    get: async () => {
      const apputils = await shared('@jupyterlab/apputils');
      const coreutils = await shared('@jupyterlab/coreutils');
      const services = await shared('@jupyterlab/services');
      const exported = { __esModule: true, default: plugin(apputils, coreutils, services) };
      return () => exported;
    }
  };
})();
