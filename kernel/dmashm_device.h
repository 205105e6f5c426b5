/* SPDX-License-Identifier: GPL-2.0-only */
/* /dev/dmashm */
#ifndef DMASHM_DEVICE_H
#define DMASHM_DEVICE_H

int dmashm_device_register(void);
void dmashm_device_unregister(void);

#endif /* DMASHM_DEVICE_H */
